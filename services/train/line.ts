/** Which jobs are trained together: a line is a job of its own, or all that may share a batch. */
import { and, asc, eq, inArray } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { jobs } from '../../infra/db/tables/index.ts'
import type { JobId, JobRow } from './job.ts'

/** Jobs in one group: more would hardly make a step cheaper, and all of them wait for the longest batch. */
const most = 16
/** A group begins when no job of its line has come for so long and none is being validated, or when one has waited so long. */
const [quietMs, patienceMs] = [1000, 30_000]

/**
 * The key of a job's line. Prefixes that ask for company share one where they can be rows of one batch: on the same base,
 * device and settings of memory, of as many virtual tokens.
 */
export function lineOf({ id, model, peft, trainingArgs }: JobRow): string {
  if (!trainingArgs.train_together || peft.peft_type !== 'PREFIX_TUNING') return id
  const { device, quantization_bit, gradient_checkpointing, packing } = trainingArgs
  const alike = { device, quantization_bit, gradient_checkpointing, packing }
  return JSON.stringify({ model, virtualTokens: peft.num_virtual_tokens, ...alike })
}

/** The jobs that are to be trained with this one, itself included; none while others of its line are coming. */
export async function companyOf(db: Database, job: JobRow): Promise<JobId[]> {
  if (lineOf(job) === job.id) return [job.id]
  const line = await unended(db, job)
  const age = ({ createdAt }: JobRow) => Date.now() - createdAt.getTime()
  const comes = (other: JobRow) => other.status === 'validating_files' || age(other) < quietMs
  if (age(job) < patienceMs && line.some(comes)) return []
  const others = line.filter(({ id, status }) => id !== job.id && status !== 'validating_files')
  return [job.id, ...others.slice(0, most - 1).map(({ id }) => id)]
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
