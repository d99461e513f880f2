import { type Pace, startWork } from '../../infra/work.ts'
import { claimTraining, claimValidation, holdJobs, retryMs } from './claim.ts'
import { type RunDeps, runJobs } from './run-job.ts'
import { validateJob } from './validate-job.ts'

/** Takes jobs from both lines until it is stopped: one is validated while others train. */
export function startJobs(deps: RunDeps, pace?: Pace): { stop(): Promise<void> } {
  const { db, log } = deps
  const validation = startWork(
    {
      claim: (leaseMs) => claimValidation(db, leaseMs),
      hold: (job, leaseMs) => holdJobs(db, [job], leaseMs),
      handle: (job) => validateJob(deps, job),
      retryMs: (job) => retryMs(job),
    },
    log,
    pace,
  )
  const training = startWork(
    {
      claim: (leaseMs) => claimTraining(db, leaseMs),
      hold: (jobs, leaseMs) => holdJobs(db, jobs, leaseMs),
      handle: (jobs, signal) => runJobs(deps, jobs, signal),
      retryMs: (jobs) => Math.max(...jobs.map(retryMs)),
    },
    log,
    pace,
  )
  return {
    async stop() {
      await Promise.all([validation.stop(), training.stop()])
    },
  }
}
