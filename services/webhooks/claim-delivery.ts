import { and, asc, eq, lte, notInArray } from 'drizzle-orm'
import type { Id } from '../../contract/ids.ts'
import type { Database } from '../../infra/db/client.ts'
import { webhookDeliveries, webhookEndpoints, webhookEvents } from '../../infra/db/tables/index.ts'

/** An attempt takes 20 s at most (5 for the name, 15 for the rest): a worker that is silent for longer is dead. */
const lease = 60_000 // ms

export type Claimed = {
  delivery: typeof webhookDeliveries.$inferSelect
  endpoint: typeof webhookEndpoints.$inferSelect
  event: typeof webhookEvents.$inferSelect
}

/** Takes the delivery that is due longest, of no endpoint among `busy`; it is due again when its worker dies. */
export async function claimDelivery(
  db: Database,
  now: Date,
  busy: readonly Id<'webhookEndpoint'>[] = [],
): Promise<Claimed | undefined> {
  return db.transaction(async (tx) => {
    const [due] = await tx
      .select({ delivery: webhookDeliveries, endpoint: webhookEndpoints, event: webhookEvents })
      .from(webhookDeliveries)
      .innerJoin(webhookEndpoints, eq(webhookEndpoints.id, webhookDeliveries.endpointId))
      .innerJoin(webhookEvents, eq(webhookEvents.id, webhookDeliveries.eventId))
      .where(
        and(
          eq(webhookDeliveries.status, 'pending'),
          lte(webhookDeliveries.dueAt, now),
          eq(webhookEndpoints.status, 'active'),
          notInArray(webhookDeliveries.endpointId, [...busy]),
        ),
      )
      .orderBy(asc(webhookDeliveries.dueAt))
      .limit(1)
      .for('update', { of: webhookDeliveries, skipLocked: true })
    if (!due) return undefined
    const [delivery] = await tx
      .update(webhookDeliveries)
      .set({ claim: due.delivery.claim + 1, dueAt: new Date(now.getTime() + lease) })
      .where(eq(webhookDeliveries.id, due.delivery.id))
      .returning()
    return { ...due, delivery: delivery! }
  })
}
