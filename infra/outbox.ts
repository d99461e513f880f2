/** What webhooks will tell is written down together with what happened: both are kept, or neither. */
import { and, eq, sql } from 'drizzle-orm'
import { type Id, newId } from '../contract/ids.ts'
import type { WebhookEventType } from '../contract/webhook.ts'
import type { Transaction } from './db/client.ts'
import { webhookDeliveries, webhookEndpoints, webhookEvents } from './db/tables/index.ts'

/**
 * Puts an event in line for each active endpoint that asked for its type; without any, nothing is written.
 * @param tx the transaction that makes the change which is told
 * @param project where it happened; endpoints of others are not told
 * @param subject the id of what it happened to
 */
export async function announce(
  tx: Transaction,
  project: Id<'project'>,
  type: WebhookEventType,
  subject: string,
): Promise<void> {
  const listeners = await tx
    .select({ endpointId: webhookEndpoints.id })
    .from(webhookEndpoints)
    .where(
      and(
        eq(webhookEndpoints.project, project),
        eq(webhookEndpoints.status, 'active'),
        sql`${webhookEndpoints.eventTypes} @> ${JSON.stringify([type])}::jsonb`,
      ),
    )
    .for('key share') // one that is deleted at this moment must not fail the change
  if (listeners.length === 0) return
  const eventId = newId('webhookEvent')
  await tx.insert(webhookEvents).values({ id: eventId, project, type, subject })
  await tx
    .insert(webhookDeliveries)
    .values(listeners.map(({ endpointId }) => ({ id: newId('webhookDelivery'), endpointId, eventId })))
}
