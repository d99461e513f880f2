import { index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { project } from './projects.ts'
import { createdAt, moment } from './time.ts'

/** What requests with an `Idempotency-Key` were answered, for a day. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    project: project(),
    key: text('key').notNull(),
    /** Of the request: method, path and body. */
    fingerprint: text('fingerprint').notNull(),
    /** Null: the request is being worked on. */
    answer: jsonb('answer').$type<{ status: number; contentType: string; body: string | null }>(),
    /** How often it was begun; who works on it and is not the last has lost it. */
    attempt: integer('attempt').notNull().default(1),
    /** Until when who works on it counts as alive. */
    leaseUntil: moment('lease_until').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.key] }),
    index('idempotency_keys_by_age').on(table.createdAt),
  ],
)
