import { ApiError } from '../../contract/errors.ts'
import type { Job } from '../../contract/job.ts'
import type { Queue } from '../../infra/queue/queue.ts'
import { advance, getJob, type JobId, type JobsOf, toJob } from './job.ts'
import { lineOf } from './line.ts'
import { say } from './say.ts'

/** Pauses a job; a worker that trains it ends its step, keeps the state and lets it go. */
export async function pauseJob({ db, project }: JobsOf, id: string): Promise<Job> {
  const active = { id: id as JobId, project, status: ['queued', 'running'] as const }
  const patch = { status: 'paused', estimatedFinish: null } as const
  const paused = await advance(db, active, patch, [say('Fine-tuning job paused')])
  return paused
    ? toJob(paused)
    : refuse({ db, project }, id, 'only one that is queued or running can be paused')
}

/** Puts a paused job back in line; it goes on where it was. */
export async function resumeJob(
  { db, project, training }: JobsOf & { training: Pick<Queue, 'enqueue'> },
  id: string,
): Promise<Job> {
  const paused = { id: id as JobId, project, status: ['paused'] as const }
  const resumed = await advance(db, paused, { status: 'queued' }, [say('Fine-tuning job resumed')])
  if (!resumed) return refuse({ db, project }, id, 'only one that is paused can be resumed')
  await training.enqueue(resumed.id, lineOf(resumed))
  return toJob(resumed)
}

async function refuse(of: JobsOf, id: string, why: string): Promise<never> {
  const { status } = await getJob(of, id)
  throw new ApiError('conflict', `the job is ${status}; ${why}`)
}
