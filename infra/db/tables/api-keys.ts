import { index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Scope } from '../../../contract/access.ts'
import { type Id, newId } from '../../../contract/ids.ts'
import { project } from './projects.ts'
import { createdAt, moment } from './time.ts'

/** Keys to the API. A revoked one stays: once there was a key, nobody comes in without one. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id')
      .$type<Id<'apiKey'>>()
      .primaryKey()
      .$defaultFn(() => newId('apiKey')),
    project: project(),
    name: text('name').notNull(),
    /** SHA-256 of the key: it is random enough that nothing slower is needed. */
    hash: text('hash').notNull().unique(),
    /** How the key begins, for people to know it by. */
    prefix: text('prefix').notNull(),
    scopes: jsonb('scopes').$type<Scope[]>().notNull(),
    /** Null: as many as there are. */
    requestsPerMinute: integer('requests_per_minute'),
    concurrentRequests: integer('concurrent_requests'),
    /** To the minute. */
    lastUsedAt: moment('last_used_at'),
    expiresAt: moment('expires_at'),
    revokedAt: moment('revoked_at'),
    createdAt: createdAt(),
  },
  (table) => [index('api_keys_by_age').on(table.project, table.createdAt)],
)
