import { integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import type { Metrics } from '../../../contract/job.ts'
import { jobs } from './jobs.ts'
import { createdAt } from './time.ts'

/** Adapters kept along the way, one a step; their files lie in the store under the object key. */
export const jobCheckpoints = pgTable(
  'job_checkpoints',
  {
    id: text('id').$type<Id<'checkpoint'>>().primaryKey(),
    jobId: text('job_id')
      .$type<Id<'job'>>()
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    stepNumber: integer('step_number').notNull(),
    metrics: jsonb('metrics').$type<Metrics>().notNull(),
    objectKey: text('object_key').notNull(),
    createdAt: createdAt(),
  },
  (table) => [uniqueIndex('job_checkpoints_by_step').on(table.jobId, table.stepNumber)],
)
