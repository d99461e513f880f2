/** The log of what was delivered to an endpoint, or is on its way. */
import { and, eq, inArray } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import { type Page, type PageQuery, page } from '../../contract/page.ts'
import type { DeliveryStatus, WebhookDelivery } from '../../contract/webhook.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { Database } from '../../infra/db/client.ts'
import { pageOfRows } from '../../infra/db/page.ts'
import { unixSeconds, webhookDeliveries, webhookEvents } from '../../infra/db/tables/index.ts'
import type { WebhooksDeps } from './app.ts'
import { findEndpoint } from './endpoint.ts'
import { toEvent } from './event.ts'

type DeliveryRow = typeof webhookDeliveries.$inferSelect

export async function listDeliveries(
  { db, project }: Pick<WebhooksDeps, 'db'> & InProject,
  endpointId: string,
  { status, ...query }: PageQuery & { status?: DeliveryStatus },
): Promise<Page<WebhookDelivery>> {
  const endpoint = await findEndpoint({ db, project }, endpointId)
  const ofEndpoint = eq(webhookDeliveries.endpointId, endpoint.id)
  const where = status ? and(ofEndpoint, eq(webhookDeliveries.status, status)) : ofEndpoint
  const { rows, hasMore } = await pageOfRows(db, webhookDeliveries, query, where)
  return page(await withEvents(db, rows), hasMore)
}

/**
 * Puts a delivery in line again, to be sent at once and as often as a new one.
 * @throws ApiError when there is none, or its endpoint is paused
 */
export async function redeliver(
  { db, project, now }: WebhooksDeps & InProject,
  endpointId: string,
  id: string,
): Promise<WebhookDelivery> {
  const endpoint = await findEndpoint({ db, project }, endpointId)
  if (endpoint.status === 'paused')
    throw new ApiError('conflict', `endpoint ${endpointId} is paused; set its status to active first`)
  const [row] = await db
    .update(webhookDeliveries)
    .set({ status: 'pending', failures: 0, dueAt: now() })
    .where(
      and(
        eq(webhookDeliveries.endpointId, endpoint.id),
        eq(webhookDeliveries.id, id as Id<'webhookDelivery'>),
      ),
    )
    .returning()
  if (!row)
    throw new ApiError('not_found', `endpoint ${endpointId} has no delivery ${id}`, { param: 'delivery_id' })
  return (await withEvents(db, [row]))[0]!
}

async function withEvents(db: Database, rows: DeliveryRow[]): Promise<WebhookDelivery[]> {
  const ids = rows.map(({ eventId }) => eventId)
  const events = await db.select().from(webhookEvents).where(inArray(webhookEvents.id, ids))
  const byId = new Map(events.map((event) => [event.id, event]))
  return rows.map((row) => ({
    id: row.id,
    object: 'webhook_delivery',
    created_at: unixSeconds(row.createdAt),
    webhook_endpoint_id: row.endpointId,
    event: toEvent(byId.get(row.eventId)!),
    status: row.status,
    attempts: row.attempts,
    next_attempt_at: row.dueAt && unixSeconds(row.dueAt),
  }))
}
