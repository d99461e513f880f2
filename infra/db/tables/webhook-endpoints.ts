import { index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import type { WebhookEndpoint, WebhookEventType } from '../../../contract/webhook.ts'
import { project } from './projects.ts'
import { createdAt, moment } from './time.ts'

/**
 * Who is told of events. Secrets stand here as they are: they sign, and what is hashed cannot. Whoever reads this table
 * can sign as this server, and nothing more.
 */
export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: text('id').$type<Id<'webhookEndpoint'>>().primaryKey(),
    project: project(),
    name: text('name').notNull(),
    url: text('url').notNull(),
    eventTypes: jsonb('event_types').$type<WebhookEventType[]>().notNull(),
    secret: text('secret').notNull(),
    /** The one before, and until when it signs too. */
    oldSecret: text('old_secret'),
    oldSecretUntil: moment('old_secret_until'),
    status: text('status').$type<WebhookEndpoint['status']>().notNull().default('active'),
    failingSince: moment('failing_since'),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [index('webhook_endpoints_by_age').on(table.project, table.createdAt)],
)
