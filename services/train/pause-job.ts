import { ApiError } from '../../contract/errors.ts'
import type { Job } from '../../contract/job.ts'
import { advance, getJob, type JobId, type JobsOf, toJob } from './job.ts'
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

/** Puts a paused job back in line; it goes on where it was, once the worker that keeps its state has let it go. */
export async function resumeJob({ db, project }: JobsOf, id: string): Promise<Job> {
  const paused = { id: id as JobId, project, status: ['paused'] as const }
  const resumed = await advance(db, paused, { status: 'queued' }, [say('Fine-tuning job resumed')])
  return resumed ? toJob(resumed) : refuse({ db, project }, id, 'only one that is paused can be resumed')
}

async function refuse(of: JobsOf, id: string, why: string): Promise<never> {
  const { status } = await getJob(of, id)
  throw new ApiError('conflict', `the job is ${status}; ${why}`)
}
