/** The line a job waits in to be trained: one of its own, or one with all that it may be trained together with. */
import { setTimeout as sleep } from 'node:timers/promises'
import { and, asc, eq, inArray } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { jobs } from '../../infra/db/tables/index.ts'
import { findJob, type JobId, type JobRow } from './job.ts'

/** Jobs in one group: more would hardly make a step cheaper, and all of them wait for the longest batch. */
const most = 16
/** A group begins when no job of its line has come for so long and none is being validated, or when that takes too long. */
const [quietMs, patienceMs] = [1000, 30_000]

/**
 * The key of a job's line; jobs of one line are never begun by two workers at once. Prefixes that ask for company share
 * one where they can be rows of one batch: on the same base, device and settings of memory, of as many virtual tokens.
 */
export function lineOf({ id, model, peft, trainingArgs }: JobRow): string {
  if (!trainingArgs.train_together || peft.peft_type !== 'PREFIX_TUNING') return id
  const { device, quantization_bit, gradient_checkpointing, packing } = trainingArgs
  const alike = { device, quantization_bit, gradient_checkpointing, packing }
  return JSON.stringify({ model, virtualTokens: peft.num_virtual_tokens, ...alike })
}

/**
 * The jobs that are to be trained with this one, itself included: those of its line that wait, and those that a worker
 * which died has left.
 */
export async function companyOf(db: Database, id: JobId, signal: AbortSignal): Promise<JobId[]> {
  const job = await findJob(db, id)
  if (!job || lineOf(job) === id) return [id]
  const deadline = Date.now() + patienceMs
  for (;;) {
    const line = await unended(db, job)
    const comes = ({ status, createdAt }: JobRow) =>
      status === 'validating_files' || Date.now() - createdAt.getTime() < quietMs
    if (signal.aborted || Date.now() > deadline || !line.some(comes)) {
      const others = line.filter((other) => other.id !== id && other.status !== 'validating_files')
      return [id, ...others.slice(0, most - 1).map((other) => other.id)]
    }
    await sleep(100)
  }
}

/** All of a job's line that have not ended, the oldest first. */
async function unended(db: Database, job: JobRow): Promise<JobRow[]> {
  const statuses = ['validating_files', 'queued', 'running'] as const
  const rows = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.model, job.model), inArray(jobs.status, [...statuses])))
    .orderBy(asc(jobs.createdAt))
  return rows.filter((row) => lineOf(row) === lineOf(job))
}
