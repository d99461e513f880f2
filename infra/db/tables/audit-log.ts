import { index, integer, pgTable, text } from 'drizzle-orm/pg-core'
import { type Id, newId } from '../../../contract/ids.ts'
import { project } from './projects.ts'
import { createdAt } from './time.ts'

/** Who changed what, or was refused: never what was in it. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: text('id')
      .$type<Id<'auditLog'>>()
      .primaryKey()
      .$defaultFn(() => newId('auditLog')),
    project: project(),
    /** Null: there were no keys yet. */
    keyId: text('key_id').$type<Id<'apiKey'>>(),
    method: text('method').notNull(),
    route: text('route').notNull(),
    /** What the request named or made. */
    subject: text('subject'),
    status: integer('status').notNull(),
    requestId: text('request_id').notNull(),
    createdAt: createdAt(),
  },
  (table) => [index('audit_log_by_age').on(table.project, table.createdAt)],
)
