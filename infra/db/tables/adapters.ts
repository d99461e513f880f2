import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'
import type { PeftType } from '../../../contract/adapter.ts'
import { type Id, newId } from '../../../contract/ids.ts'
import { project } from './projects.ts'
import { createdAt } from './time.ts'
import { traceColumn } from './trace.ts'

/** Tuned models: a base and an adapter whose files lie in the store under the object key. */
export const adapters = pgTable(
  'adapters',
  {
    id: text('id')
      .$type<Id<'adapter'>>()
      .primaryKey()
      .$defaultFn(() => newId('adapter')),
    project: project(),
    /** What requests call it: `ft:<base>:<suffix>:<id>`. */
    model: text('model').notNull().unique(),
    base: text('base').notNull(),
    peftType: text('peft_type').$type<PeftType>().notNull(),
    /** The job that trained it; null: it was imported. */
    jobId: text('job_id').$type<Id<'job'>>(),
    /** Of all its files; null: it was stored before sizes were kept. */
    bytes: bigint('bytes', { mode: 'number' }),
    /** SHA-256 of `adapter_model.safetensors`; null: there is no such file (`FULL`), or it was stored before hashes were kept. */
    hash: text('hash'),
    objectKey: text('object_key').notNull(),
    trace: traceColumn(),
    createdAt: createdAt(),
  },
  (table) => [index('adapters_by_age').on(table.project, table.createdAt)],
)
