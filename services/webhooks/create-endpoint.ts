import { newId } from '../../contract/ids.ts'
import type { WebhookEndpointRequest } from '../../contract/webhook.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { webhookEndpoints } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import type { WebhooksDeps } from './app.ts'
import { checkUrl, type EndpointRow, withSecret } from './endpoint.ts'
import { newSecret } from './sign.ts'

/** Makes an endpoint that is told what happens from now on. @throws ApiError when webhooks may not go there */
export async function createEndpoint(
  { db, project, network, keep }: WebhooksDeps & InProject & { keep: Keep },
  { name, url, event_types }: WebhookEndpointRequest,
): Promise<EndpointRow> {
  await checkUrl(network, url)
  const row = { id: newId('webhookEndpoint'), project, name, url, eventTypes: event_types }
  return db.transaction(async (tx) => {
    const [made] = await tx
      .insert(webhookEndpoints)
      .values({ ...row, secret: newSecret() })
      .returning()
    await keep(tx, withSecret(made!))
    return made!
  })
}
