/** The service that answers with base and tuned models. */
import type { EngineThread } from '../../engine/index.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HttpApp } from '../../infra/http/app.ts'
import type { Log } from '../../infra/log.ts'
import type { Store } from '../../infra/store/store.ts'
import { addAdapterRoutes } from './routes/adapters.ts'
import { addChatRoute } from './routes/chat.ts'
import { addCompletionRoute } from './routes/completions.ts'
import { addModelRoutes } from './routes/models.ts'

export type InferDeps = {
  log: Log
  version: string
  db: Database
  store: Store
  bases: BaseModels
  engine: EngineThread
  /** A directory, which need not exist yet, where an upload lies until it is checked. */
  scratch: string
  /** The largest file that is taken, and the most that a zip may hold. */
  maxFileBytes: number
}

export function createApp(deps: InferDeps): HttpApp {
  const app = createHttpApp({ name: 'infer', version: deps.version, log: deps.log })
  addModelRoutes(app, deps)
  addAdapterRoutes(app, deps)
  addChatRoute(app, deps)
  addCompletionRoute(app, deps)
  return app
}
