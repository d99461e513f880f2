/** The service that keeps the base models: it pulls them from a hub, or adds them from a directory. */
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { reachable } from '../../infra/reachable.ts'
import type { Store } from '../../infra/store/store.ts'
import { addBaseModelRoutes } from './routes/base-models.ts'

export type ModelsDeps = HostDeps & {
  db: Database
  store: Store
  /** Those that the server comes with. */
  shipped: BaseModels
  /** A directory for files that are not whole yet. */
  downloads: string
}

export function createApp(deps: ModelsDeps): HttpApp {
  const app = createHttpApp({ ...deps, name: 'models', ready: reachable(deps) })
  addBaseModelRoutes(app, deps)
  return app
}
