import { bigserial, index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import type { JobEvent, Metrics } from '../../../contract/job.ts'
import { jobs } from './jobs.ts'
import { createdAt } from './time.ts'

/** What happened to a job, in the order of `position`. */
export const jobEvents = pgTable(
  'job_events',
  {
    id: text('id').$type<Id<'event'>>().primaryKey(),
    position: bigserial('position', { mode: 'number' }).notNull(),
    jobId: text('job_id')
      .$type<Id<'job'>>()
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    level: text('level').$type<JobEvent['level']>().notNull(),
    type: text('type').$type<JobEvent['type']>().notNull(),
    message: text('message').notNull(),
    data: jsonb('data').$type<Metrics>(),
    createdAt: createdAt(),
  },
  (table) => [index('job_events_in_order').on(table.jobId, table.position)],
)
