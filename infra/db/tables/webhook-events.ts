import { pgTable, text } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import type { WebhookEventType } from '../../../contract/webhook.ts'
import { project } from './projects.ts'
import { createdAt } from './time.ts'

/** What happened and is to be told. */
export const webhookEvents = pgTable('webhook_events', {
  id: text('id').$type<Id<'webhookEvent'>>().primaryKey(),
  project: project(),
  type: text('type').$type<WebhookEventType>().notNull(),
  /** The id of what it happened to. */
  subject: text('subject').notNull(),
  createdAt: createdAt(),
})
