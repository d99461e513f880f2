import { ApiError } from '../../contract/errors.ts'
import type { Job } from '../../contract/job.ts'
import { advance, getJob, type JobId, type JobsOf, toJob } from './job.ts'
import { say } from './say.ts'

/** Cancels a job that has not ended; a worker that trains it notices and stops. */
export async function cancelJob({ db, project }: JobsOf, id: string): Promise<Job> {
  const unfinished = {
    id: id as JobId,
    project,
    status: ['validating_files', 'queued', 'running', 'paused'] as const,
  }
  const patch = { status: 'cancelled', finishedAt: new Date(), estimatedFinish: null } as const
  const cancelled = await advance(db, unfinished, patch, [say('Fine-tuning job cancelled')])
  if (cancelled) return toJob(cancelled)
  const { status } = await getJob({ db, project }, id)
  throw new ApiError(
    'conflict',
    `the job is ${status} already; only a job that has not ended can be cancelled`,
  )
}
