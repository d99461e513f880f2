import { and, eq, lt, notExists } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { webhookDeliveries, webhookEvents } from '../../infra/db/tables/index.ts'

/** How long the log reaches back. */
const memory = 30 * 24 * 3_600_000 // ms

/** Deletes old events, and the log of their deliveries, unless one still waits for its endpoint. */
export async function forgetOld(db: Database, now: Date): Promise<void> {
  const waiting = db
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.eventId, webhookEvents.id), eq(webhookDeliveries.status, 'pending')))
  const old = lt(webhookEvents.createdAt, new Date(now.getTime() - memory))
  await db.delete(webhookEvents).where(and(old, notExists(waiting)))
}
