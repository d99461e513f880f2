import { type Pace, startWork } from '../../infra/work.ts'
import { claimTraining, claimValidation, holdJobs, waitMs } from './claim.ts'
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
      retryMs: (job) => waitMs(db, [job]),
    },
    log,
    pace,
  )
  const training = startWork(
    {
      claim: (leaseMs) => claimTraining(db, leaseMs),
      hold: (group, leaseMs) => holdJobs(db, group, leaseMs),
      handle: (group, signal) =>
        runJobs(deps, [...group], signal, async (job) => {
          group.splice(group.indexOf(job), 1) // first: what is held no more is not renewed
          await holdJobs(db, [job], 0)
        }),
      retryMs: (group) => waitMs(db, group),
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
