import { newId } from '../../contract/ids.ts'
import type { WebhookEndpointRequest } from '../../contract/webhook.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { webhookEndpoints } from '../../infra/db/tables/index.ts'
import type { WebhooksDeps } from './app.ts'
import { checkUrl, type EndpointRow } from './endpoint.ts'
import { newSecret } from './sign.ts'

/** Makes an endpoint that is told what happens from now on. @throws ApiError when webhooks may not go there */
export async function createEndpoint(
  { db, project, network }: WebhooksDeps & InProject,
  { name, url, event_types }: WebhookEndpointRequest,
): Promise<EndpointRow> {
  await checkUrl(network, url)
  const [made] = await db
    .insert(webhookEndpoints)
    .values({
      id: newId('webhookEndpoint'),
      project,
      name,
      url,
      eventTypes: event_types,
      secret: newSecret(),
    })
    .returning()
  return made!
}
