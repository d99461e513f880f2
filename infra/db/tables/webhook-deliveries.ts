import { sql } from 'drizzle-orm'
import { index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import type { DeliveryAttempt, DeliveryStatus } from '../../../contract/webhook.ts'
import { createdAt, moment } from './time.ts'
import { webhookEndpoints } from './webhook-endpoints.ts'
import { webhookEvents } from './webhook-events.ts'

/** One event for one endpoint: what is pending here is the outbox. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: text('id').$type<Id<'webhookDelivery'>>().primaryKey(),
    endpointId: text('endpoint_id')
      .$type<Id<'webhookEndpoint'>>()
      .notNull()
      .references(() => webhookEndpoints.id, { onDelete: 'cascade' }),
    eventId: text('event_id')
      .$type<Id<'webhookEvent'>>()
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    status: text('status').$type<DeliveryStatus>().notNull().default('pending'),
    /** How often it was taken to be sent; a worker whose claim is not the last has lost it. */
    claim: integer('claim').notNull().default(0),
    /** How often it failed since it was put in line. */
    failures: integer('failures').notNull().default(0),
    attempts: jsonb('attempts').$type<DeliveryAttempt[]>().notNull().default([]),
    /** When it is due; while it is being sent, when its worker counts as dead. Null: it is settled. */
    dueAt: moment('due_at').defaultNow(),
    createdAt: createdAt(),
  },
  (table) => [
    index('webhook_deliveries_due').on(table.dueAt).where(sql`${table.status} = 'pending'`),
    index('webhook_deliveries_by_age').on(table.endpointId, table.createdAt),
    index('webhook_deliveries_of_event').on(table.eventId),
  ],
)
