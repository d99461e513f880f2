/** The second stage: an uploaded corpus becomes a dataset. */
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HttpApp } from '../../infra/http/app.ts'
import type { Log } from '../../infra/log.ts'
import type { Store } from '../../infra/store/store.ts'
import { addDatasetRoutes } from './routes/datasets.ts'

export type ConvertDeps = { db: Database; store: Store; log: Log; version: string }

export function createApp(deps: ConvertDeps): HttpApp {
  const app = createHttpApp({ name: 'convert', version: deps.version, log: deps.log })
  addDatasetRoutes(app, deps)
  return app
}
