import { isDeepStrictEqual } from 'node:util'
import { eq } from 'drizzle-orm'
import type { WebhookEndpointChange } from '../../contract/webhook.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { webhookEndpoints } from '../../infra/db/tables/index.ts'
import type { WebhooksDeps } from './app.ts'
import { checkUrl, type EndpointRow, findEndpoint, noEndpoint } from './endpoint.ts'

/** Changes what is given. Taken up again, an endpoint starts with a clean record, and what waited for it is sent. */
export async function updateEndpoint(
  { db, project, network, now }: WebhooksDeps & InProject,
  id: string,
  { event_types: eventTypes, ...change }: WebhookEndpointChange,
): Promise<EndpointRow> {
  const row = await findEndpoint({ db, project }, id)
  const asked = { ...change, ...(eventTypes && { eventTypes }) }
  if (isDeepStrictEqual({ ...row, ...asked }, row)) return row
  if (asked.url) await checkUrl(network, asked.url)
  const [changed] = await db
    .update(webhookEndpoints)
    .set({ ...asked, updatedAt: now(), ...(asked.status === 'active' && { failingSince: null }) })
    .where(eq(webhookEndpoints.id, row.id))
    .returning()
  if (!changed) throw noEndpoint(id)
  return changed
}
