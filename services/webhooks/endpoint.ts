import { and, eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { WebhookEndpoint, WebhookEndpointWithSecret } from '../../contract/webhook.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { Database } from '../../infra/db/client.ts'
import { unixSeconds, webhookEndpoints } from '../../infra/db/tables/index.ts'
import { addressesOf, type Network, Unreachable } from './network.ts'
import { hintOf } from './sign.ts'

export type EndpointRow = typeof webhookEndpoints.$inferSelect

/** @throws ApiError when there is none */
export async function findEndpoint(
  { db, project }: InProject & { db: Database },
  id: string,
): Promise<EndpointRow> {
  const [row] = await db
    .select()
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.project, project), eq(webhookEndpoints.id, id as Id<'webhookEndpoint'>)))
  if (!row) throw noEndpoint(id)
  return row
}

export const noEndpoint = (id: string) =>
  new ApiError('not_found', `there is no webhook endpoint ${id}`, { param: 'id' })

/** @throws ApiError unless webhooks may go there, as far as its name tells today; each delivery asks again */
export async function checkUrl(network: Network, url: string): Promise<void> {
  try {
    await addressesOf(new URL(url), network)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    throw new ApiError('invalid_value', `url: ${error.message}`, { param: 'url', cause: error })
  }
}

/** What an endpoint's deliveries are signed with now. */
export const secretsOf = ({ secret, oldSecret, oldSecretUntil }: EndpointRow, now: Date): string[] =>
  oldSecret && oldSecretUntil && oldSecretUntil > now ? [secret, oldSecret] : [secret]

export const toEndpoint = (row: EndpointRow): WebhookEndpoint => ({
  id: row.id,
  object: 'webhook_endpoint',
  created_at: unixSeconds(row.createdAt),
  updated_at: unixSeconds(row.updatedAt),
  name: row.name,
  url: row.url,
  event_types: row.eventTypes,
  signing_secret_hint: hintOf(row.secret),
  status: row.status,
  failing_since: row.failingSince && unixSeconds(row.failingSince),
})

export const withSecret = (row: EndpointRow): WebhookEndpointWithSecret => ({
  ...toEndpoint(row),
  signing_secret: row.secret,
})
