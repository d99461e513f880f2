import { eq } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { adapters, jobCheckpoints } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, findJob, type JobId, type JobRow } from './job.ts'
import { adaptersKey } from './recorder.ts'
import { say } from './say.ts'

/** A job whose worker dies again and again may be what kills it. */
const maxAttempts = 3

/**
 * Moves a job to `running` and answers it as it then is. A job that is running already was left by a worker that
 * died: it begins anew. Answers undefined when there is nothing to run.
 */
export async function beginJob(
  { db, store }: { db: Database; store: Store },
  id: JobId,
): Promise<JobRow | undefined> {
  const job = await findJob(db, id)
  if (job?.status !== 'queued' && job?.status !== 'running') return undefined
  const expected = { id, status: [job.status], attempt: job.attempt }
  if (job.attempt >= maxAttempts) {
    const message = `the training began ${job.attempt} times and never came to its end; the server's log says why`
    await failJob(db, expected, new JobFailure('server_error', message))
    return undefined
  }
  const patch = {
    status: 'running',
    attempt: job.attempt + 1,
    startedAt: new Date(),
    estimatedFinish: null,
  } as const
  const event =
    job.status === 'queued'
      ? say('Fine-tuning job started')
      : say('The worker that ran this job died; it starts again from the beginning', 'warn')
  const begun = await advance(db, expected, patch, [event], async (tx) => {
    await tx.delete(jobCheckpoints).where(eq(jobCheckpoints.jobId, id))
    await tx.delete(adapters).where(eq(adapters.jobId, id))
  })
  if (begun) await store.delete(adaptersKey(begun))
  return begun
}
