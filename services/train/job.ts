/** A job's row: how it is read, how the API tells it, and the one way in which it changes. */
import { and, eq, inArray, type SQL } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import { type Id, newId } from '../../contract/ids.ts'
import type { Job, JobStatus } from '../../contract/job.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { Database, Transaction } from '../../infra/db/client.ts'
import { jobEvents, jobs, unixSeconds } from '../../infra/db/tables/index.ts'
import { announce } from '../../infra/outbox.ts'
import type { NewEvent } from './say.ts'

export type JobRow = typeof jobs.$inferSelect
export type JobId = Id<'job'>

export async function findJob(db: Database, id: JobId): Promise<JobRow | undefined> {
  const [row] = await db.select().from(jobs).where(eq(jobs.id, id))
  return row
}

/** Where jobs are looked for on behalf of somebody. */
export type JobsOf = InProject & { db: Database }

/** Throws ApiError when there is no such job. */
export async function getJob({ db, project }: JobsOf, id: string): Promise<JobRow> {
  const [row] = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.project, project), eq(jobs.id, id as JobId)))
  if (!row)
    throw new ApiError('not_found', `there is no fine-tuning job ${id}`, { param: 'fine_tuning_job_id' })
  return row
}

const ends = ['succeeded', 'failed', 'cancelled'] as const

/** Whether a job that is there stays there. */
export const isEnd = (status: JobStatus): status is (typeof ends)[number] =>
  (ends as readonly JobStatus[]).includes(status)

/** What changes in a row; the ends of leases are times of the database. */
export type Patch = Partial<Omit<JobRow, 'leaseUntil' | 'stalls'>> & {
  leaseUntil?: SQL
  stalls?: number | SQL
}

/**
 * Where a job must be for a change to happen; `attempt`: only for the worker whose attempt it is;
 * `project`: only for those who see it.
 */
export type Expected = Partial<InProject> & { id: JobId; status: readonly JobStatus[]; attempt?: number }

/**
 * Changes a job's row, tells so in its events, and its end to webhooks, and does what else belongs to the change, all or
 * nothing. Does nothing and answers undefined when the job is not, or not any more, where it is expected: cancelled, or
 * another worker's.
 */
export async function advance(
  db: Database,
  { id, project, status, attempt }: Expected,
  patch: Patch,
  events: readonly NewEvent[] = [],
  also?: (tx: Transaction) => Promise<unknown>,
): Promise<JobRow | undefined> {
  const expected = and(
    eq(jobs.id, id),
    inArray(jobs.status, [...status]),
    project && eq(jobs.project, project),
    attempt === undefined ? undefined : eq(jobs.attempt, attempt),
  )
  return db.transaction(async (tx) => {
    const [row] = await tx.update(jobs).set(patch).where(expected).returning()
    if (!row) return undefined
    await addEvents(tx, id, events)
    if (patch.status && isEnd(patch.status))
      await announce(tx, row.project, `fine_tuning.job.${patch.status}`, id)
    await also?.(tx)
    return row
  })
}

/** A statement has 65,535 parameters at most, and a row has six. */
const rowsAtOnce = 1000

export async function addEvents(tx: Transaction, jobId: JobId, events: readonly NewEvent[]): Promise<void> {
  const rows = events.map((event) => ({
    id: newId('event'),
    jobId,
    type: event.data ? ('metrics' as const) : ('message' as const),
    ...event,
  }))
  for (let at = 0; at < rows.length; at += rowsAtOnce)
    await tx.insert(jobEvents).values(rows.slice(at, at + rowsAtOnce))
}

export const toJob = (row: JobRow): Job => ({
  id: row.id,
  object: 'fine_tuning.job',
  created_at: unixSeconds(row.createdAt),
  finished_at: row.finishedAt && unixSeconds(row.finishedAt),
  estimated_finish: row.estimatedFinish && unixSeconds(row.estimatedFinish),
  status: row.status,
  model: row.model,
  fine_tuned_model: row.fineTunedModel,
  organization_id: 'org-preamble',
  training_file: row.trainingFile,
  validation_file: row.validationFile,
  result_files: row.resultFiles,
  trained_tokens: row.trainedTokens,
  error: row.error,
  seed: row.seed,
  hyperparameters: row.hyperparameters,
  method: { type: 'supervised', supervised: { hyperparameters: row.hyperparameters } },
  integrations: [],
  metadata: row.metadata,
  peft: row.peft,
  training_args: row.trainingArgs,
  dev_loss: row.devLoss,
})
