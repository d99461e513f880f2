import { pgTable, text } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import { createdAt } from './time.ts'

/** Tuned models: a base and an adapter whose files lie in the store under the object key. */
export const adapters = pgTable('adapters', {
  /** What requests call it: `ft:<base>:<suffix>:<id>`. */
  id: text('id').primaryKey(),
  base: text('base').notNull(),
  jobId: text('job_id').$type<Id<'job'>>(),
  objectKey: text('object_key').notNull(),
  createdAt: createdAt(),
})
