/** The service that keeps webhook endpoints and the log of what was delivered to them; its worker delivers. */
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { reachable } from '../../infra/reachable.ts'
import type { Network } from './network.ts'
import { addDeliveryRoutes } from './routes/deliveries.ts'
import { addEndpointRoutes } from './routes/endpoints.ts'

export type WebhooksDeps = HostDeps & {
  db: Database
  network: Network
  now: () => Date
}

export function createApp(deps: WebhooksDeps): HttpApp {
  const app = createHttpApp({ ...deps, name: 'webhooks', ready: reachable({ db: deps.db }) })
  addEndpointRoutes(app, deps)
  addDeliveryRoutes(app, deps)
  return app
}
