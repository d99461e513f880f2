/** The service that keeps webhook endpoints and the log of what was delivered to them; its worker delivers. */
import { count } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { webhookDeliveries } from '../../infra/db/tables/index.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { countByStatus, createMetrics } from '../../infra/metrics.ts'
import { reachable } from '../../infra/reachable.ts'
import type { Network } from './network.ts'
import { addDeliveryRoutes } from './routes/deliveries.ts'
import { addEndpointRoutes } from './routes/endpoints.ts'

export type WebhooksDeps = HostDeps & {
  db: Database
  network: Network
  now: () => Date
}

export function createApp(given: WebhooksDeps): HttpApp {
  const deps = { ...given, metrics: given.metrics ?? createMetrics() }
  countByStatus(
    deps.metrics,
    { name: 'preamble_webhook_deliveries', help: 'Deliveries of webhooks by status, of the last 30 days.' },
    () =>
      deps.db
        .select({ status: webhookDeliveries.status, n: count() })
        .from(webhookDeliveries)
        .groupBy(webhookDeliveries.status),
  )
  const app = createHttpApp({ ...deps, name: 'webhooks', ready: reachable({ db: deps.db }) })
  addEndpointRoutes(app, deps)
  addDeliveryRoutes(app, deps)
  return app
}
