/** The two lines that jobs wait in, to have their files validated and to be trained: how a worker takes from them. */
import { and, asc, eq, inArray, or, sql } from 'drizzle-orm'
import type { JobStatus } from '../../contract/job.ts'
import type { Database, Transaction } from '../../infra/db/client.ts'
import { isFree, leaseFor } from '../../infra/db/lease.ts'
import { adapters, jobCheckpoints, jobs } from '../../infra/db/tables/index.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, type JobId, type JobRow, type Patch } from './job.ts'
import { companyOf } from './line.ts'
import { type NewEvent, say } from './say.ts'

/** A job whose worker dies again and again before it gets any further may be what kills it. */
const maxStalls = 7

/** What the work needs may be away for minutes: 1, 4, 16, 64, 256 and 300 s, which is more than ten minutes in all. */
export const retryMs = ({ stalls }: Pick<JobRow, 'stalls'>): number =>
  1000 * Math.min(4 ** Math.max(stalls - 1, 0), 300)

/** Jobs that are looked at, the oldest first: those whose company is still to come are passed over. */
const looks = 50

const waiting = (...statuses: JobStatus[]) => and(inArray(jobs.status, statuses), isFree(jobs.leaseUntil))

/** Takes the job that has waited longest to have its files validated. */
export async function claimValidation(db: Database, leaseMs: number): Promise<JobRow | undefined> {
  return db.transaction(async (tx) => {
    const [job] = await tx
      .select()
      .from(jobs)
      .where(waiting('validating_files'))
      .orderBy(asc(jobs.createdAt))
      .limit(1)
      .for('update', { skipLocked: true })
    return job && take(tx, job, leaseMs)
  })
}

/** Takes the job that has waited longest to be trained, and with it those that it is to be trained with. */
export async function claimTraining(db: Database, leaseMs: number): Promise<JobRow[] | undefined> {
  return db.transaction(async (tx) => {
    if (!(await isChoosing(tx))) return undefined
    const line = await tx
      .select()
      .from(jobs)
      .where(waiting('queued', 'running'))
      .orderBy(asc(jobs.createdAt))
      .limit(looks)
    for (const job of line) {
      const begun = await beginJobs(tx, await companyOf(tx, job), leaseMs)
      if (begun.length > 0) return begun
    }
    return undefined
  })
}

/** One worker at a time chooses, else two could share those who want to be together; the other one comes again. */
async function isChoosing(tx: Transaction): Promise<boolean> {
  const { rows } = await tx.execute<{ locked: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtext('jobs to be trained')) as locked`,
  )
  return rows[0]!.locked
}

/**
 * Moves those of the jobs that nobody has to `running`, and answers them as they then are. One that is running already
 * was left by a worker that died: it goes on from its last state, or begins anew.
 */
export async function beginJobs(tx: Transaction, ids: readonly JobId[], leaseMs: number): Promise<JobRow[]> {
  const free = await tx
    .select()
    .from(jobs)
    .where(and(inArray(jobs.id, [...ids]), waiting('queued', 'running')))
    .orderBy(asc(jobs.createdAt))
    .for('update', { skipLocked: true })
  const begun: JobRow[] = []
  for (const job of free) {
    const taken = await begin(tx, job, leaseMs)
    if (taken) begun.push(taken)
  }
  return begun
}

async function begin(tx: Transaction, job: JobRow, leaseMs: number): Promise<JobRow | undefined> {
  const { id, stateStep, status } = job
  const from = stateStep === null ? 'starts again from the beginning' : `goes on from step ${stateStep}`
  const event =
    status === 'running'
      ? say(`The worker that ran this job was lost; it ${from}`, 'warn')
      : say(stateStep === null ? 'Fine-tuning job started' : `Fine-tuning job ${from}`)
  const patch = { status: 'running', startedAt: new Date(), estimatedFinish: null } as const
  const taken = await take(tx, job, leaseMs, patch, [event])
  if (taken && stateStep === null) {
    // The sweep removes their files.
    await tx.delete(jobCheckpoints).where(eq(jobCheckpoints.jobId, id))
    await tx.delete(adapters).where(eq(adapters.jobId, id))
  }
  return taken
}

/** Takes a job whose row is locked; one that has been taken in vain too often fails instead. */
export async function take(
  tx: Transaction,
  { id, status, attempt, stalls }: JobRow,
  leaseMs: number,
  patch: Patch = {},
  events: readonly NewEvent[] = [],
): Promise<JobRow | undefined> {
  const expected = { id, status: [status], attempt }
  if (stalls >= maxStalls) {
    const message = `work on the job began ${stalls} times and came no further; the server's log says why`
    await failJob(tx, expected, new JobFailure('server_error', message))
    return undefined
  }
  const taken = { attempt: attempt + 1, stalls: stalls + 1, leaseUntil: leaseFor(leaseMs) }
  return advance(tx, expected, { ...patch, ...taken }, events)
}

/** How long jobs wait that work threw on, by their rows as they are now: a state that was kept meanwhile begins it anew. */
export async function waitMs(db: Database, held: readonly JobRow[]): Promise<number> {
  const ids = held.map(({ id }) => id)
  const rows = await db.select({ stalls: jobs.stalls }).from(jobs).where(inArray(jobs.id, ids))
  return Math.max(0, ...rows.map(retryMs))
}

/** Holds jobs for so long from now, or lets them go; not those that another worker has taken. */
export async function holdJobs(db: Database, held: readonly JobRow[], leaseMs: number): Promise<void> {
  if (held.length === 0) return
  const ours = held.map(({ id, attempt }) => and(eq(jobs.id, id), eq(jobs.attempt, attempt)))
  await db
    .update(jobs)
    .set({ leaseUntil: leaseFor(leaseMs) })
    .where(or(...ours))
}
