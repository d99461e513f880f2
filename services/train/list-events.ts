import { and, asc, desc, eq, gt, lt } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { JobEvent } from '../../contract/job.ts'
import { type Page, type PageQuery, page } from '../../contract/page.ts'
import { jobEvents, unixSeconds } from '../../infra/db/tables/index.ts'
import { getJob, type JobsOf } from './job.ts'

/** A job's events in the order they happened, or the reverse. Throws ApiError when there is no such job. */
export async function listEvents(
  of: JobsOf,
  id: string,
  { limit, after, order }: PageQuery,
): Promise<Page<JobEvent>> {
  const { db } = of
  const job = await getJob(of, id)
  const ofJob = eq(jobEvents.jobId, job.id)
  const beyond = order === 'asc' ? gt : lt
  // By position and not by age: events that were told together have one age.
  const start = after === undefined ? undefined : beyond(jobEvents.position, await positionOf(after))
  const rows = await db
    .select()
    .from(jobEvents)
    .where(and(ofJob, start))
    .orderBy((order === 'asc' ? asc : desc)(jobEvents.position))
    .limit(limit + 1)
  return page(rows.slice(0, limit).map(toEvent), rows.length > limit)

  async function positionOf(event: string): Promise<number> {
    const [row] = await db
      .select({ position: jobEvents.position })
      .from(jobEvents)
      .where(and(ofJob, eq(jobEvents.id, event as Id<'event'>)))
    if (row) return row.position
    throw new ApiError('invalid_value', `after: job ${id} has no event ${event}`, { param: 'after' })
  }
}

function toEvent({ id, createdAt, level, message, data }: typeof jobEvents.$inferSelect): JobEvent {
  const event = {
    id,
    object: 'fine_tuning.job.event',
    created_at: unixSeconds(createdAt),
    level,
    message,
  } as const
  return data ? { ...event, type: 'metrics', data } : { ...event, type: 'message', data: null }
}
