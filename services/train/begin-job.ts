import { eq } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { adapters, jobCheckpoints } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, findJob, type JobId, type JobRow } from './job.ts'
import { adaptersKey } from './recorder.ts'
import { say } from './say.ts'

/** A job whose worker dies again and again before it gets to a new state may be what kills it. */
const maxStalls = 5

/**
 * Moves a job to `running` and answers it as it then is. A job that is running already was left by a worker that
 * died: it goes on from its last state, or begins anew. Answers undefined when there is nothing to run.
 */
export async function beginJob(
  { db, store }: { db: Database; store: Store },
  id: JobId,
): Promise<JobRow | undefined> {
  const job = await findJob(db, id)
  if (job?.status !== 'queued' && job?.status !== 'running') return undefined
  const expected = { id, status: [job.status], attempt: job.attempt }
  if (job.stalls >= maxStalls) {
    const message = `the training began ${job.stalls} times and came no further; the server's log says why`
    await failJob(db, expected, new JobFailure('server_error', message))
    return undefined
  }
  const patch = {
    status: 'running',
    attempt: job.attempt + 1,
    stalls: job.stalls + 1,
    startedAt: new Date(),
    estimatedFinish: null,
  } as const
  const from =
    job.stateStep === null ? 'starts again from the beginning' : `goes on from step ${job.stateStep}`
  const event =
    job.status === 'running'
      ? say(`The worker that ran this job died; it ${from}`, 'warn')
      : say(job.stateStep === null ? 'Fine-tuning job started' : `Fine-tuning job ${from}`)
  const begun = await advance(db, expected, patch, [event], async (tx) => {
    if (job.stateStep !== null) return
    await tx.delete(jobCheckpoints).where(eq(jobCheckpoints.jobId, id))
    await tx.delete(adapters).where(eq(adapters.jobId, id))
  })
  if (begun && job.stateStep === null) await store.delete(adaptersKey(begun))
  return begun
}
