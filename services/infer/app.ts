/** The service that answers with base and tuned models. */
import type { WeightForms } from '../../contract/weights.ts'
import type { EngineThread } from '../../engine/index.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { Lifetime } from '../../infra/http/lifetime.ts'
import { createMetrics } from '../../infra/metrics.ts'
import { reachable } from '../../infra/reachable.ts'
import type { Store } from '../../infra/store/store.ts'
import { createMeter, type Meter } from './meter.ts'
import { addAdapterRoutes } from './routes/adapters.ts'
import { addChatRoute } from './routes/chat.ts'
import { addCompletionRoute } from './routes/completions.ts'
import { addModelRoutes } from './routes/models.ts'

export type InferDeps = HostDeps & {
  db: Database
  store: Store
  bases: BaseModels
  engine: EngineThread
  /** In which form the weights of models serve; absent, as their size suggests. */
  weights?: WeightForms
  /** A directory, which need not exist yet, where an upload lies until it is checked. */
  scratch: string
  /** The largest file that is taken, and the most that a zip may hold. */
  maxFileBytes: number
  /** The longest that an answer may take, in ms. */
  requestTimeout: number
}

/** What the routes have: the rest is made here. */
export type RouteDeps = InferDeps & { meter: Meter; lifetime: Lifetime }

export function createApp(given: InferDeps): HttpApp {
  const { metrics = createMetrics(), lifetime = new Lifetime() } = given
  const deps = { ...given, metrics, lifetime, meter: createMeter(metrics.registry, given.engine) }
  const app = createHttpApp({
    ...deps,
    name: 'infer',
    ready: { ...reachable(deps), engine: async () => deps.engine.check() },
  })
  addModelRoutes(app, deps)
  addAdapterRoutes(app, deps)
  addChatRoute(app, deps)
  addCompletionRoute(app, deps)
  return app
}
