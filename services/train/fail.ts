import type { JobError, JobStatus } from '../../contract/job.ts'
import type { Database } from '../../infra/db/client.ts'
import { advance, type Expected, type JobRow } from './job.ts'
import { say } from './say.ts'

/** The job cannot succeed; the message says why and may be shown to the user. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'
  readonly code: string
  readonly param: string | null

  constructor(code: string, message: string, options: { param?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.param = options.param ?? null
  }
}

/** Ends a job that is where it is expected as failed; undefined: it was not. */
export async function failJob(
  db: Database,
  expected: Expected,
  failure: JobFailure,
): Promise<JobRow | undefined> {
  const { code, message, param } = failure
  const error: JobError = { code, message, param }
  const status: JobStatus = 'failed'
  const patch = { status, error, finishedAt: new Date(), estimatedFinish: null }
  return advance(db, expected, patch, [say(`The job failed: ${message}`, 'error')])
}
