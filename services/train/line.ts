/** Which jobs are trained together: a line is a job of its own, or all that may share a batch. */
import { and, asc, eq, getTableColumns, inArray, sql } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { jobs } from '../../infra/db/tables/index.ts'
import type { JobId, JobRow } from './job.ts'

/** Jobs in one group: more would hardly make a step cheaper, and all of them wait for the longest batch. */
const most = 16
/** A group begins when no job of its line has come for so long and none is being validated, or when one has waited so long. */
const [quietMs, patienceMs] = [1000, 30_000]

/** A job that has been begun in vain more often than this may be what kills its company. */
const maxStallsTogether = 1

/**
 * The key of a job's line. Prefixes that ask for company share one where they can be rows of one batch: on the same base,
 * device and settings of memory, of as many virtual tokens; and of one project, for they are told of each other.
 */
export function lineOf({ id, project, model, peft, trainingArgs, stalls }: JobRow): string {
  if (!trainingArgs.train_together || peft.peft_type !== 'PREFIX_TUNING') return id
  if (stalls > maxStallsTogether) return id
  const { device, quantization_bit, gradient_checkpointing, packing } = trainingArgs
  const alike = { device, quantization_bit, gradient_checkpointing, packing }
  return JSON.stringify({ project, model, virtualTokens: peft.num_virtual_tokens, ...alike })
}

/** The jobs that are to be trained with this one, itself included; none while others of its line are coming. */
export async function companyOf(db: Database, job: JobRow): Promise<JobId[]> {
  if (lineOf(job) === job.id) return [job.id]
  const line = await unended(db, job)
  const waited = line.find(({ id }) => id === job.id)?.ageMs ?? 0
  const comes = ({ status, ageMs }: InLine) => status === 'validating_files' || ageMs < quietMs
  if (waited < patienceMs && line.some(comes)) return []
  const others = line.filter(({ id, status }) => id !== job.id && status !== 'validating_files')
  return [job.id, ...others.slice(0, most - 1).map(({ id }) => id)]
}

type InLine = JobRow & { ageMs: number }

/** All of a job's line that have not ended, the oldest first, and how old they are by the clock of the database. */
async function unended(db: Database, job: JobRow): Promise<InLine[]> {
  const ageMs = sql<number>`extract(epoch from now() - ${jobs.createdAt}) * 1000`.mapWith(Number)
  const statuses = ['validating_files', 'queued', 'running'] as const
  const rows = await db
    .select({ ...getTableColumns(jobs), ageMs })
    .from(jobs)
    .where(and(eq(jobs.model, job.model), inArray(jobs.status, [...statuses])))
    .orderBy(asc(jobs.createdAt))
  return rows.filter((row) => lineOf(row) === lineOf(job))
}
