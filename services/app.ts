/** All services on one port. */
import { createHttpApp, type HttpApp } from '../infra/http/app.ts'
import { reachable } from '../infra/reachable.ts'
import { type AccessDeps, createApp as createAccess } from './access/app.ts'
import { type ConvertDeps, createApp as createConvert } from './convert/app.ts'
import { createApp as createInfer, type InferDeps } from './infer/app.ts'
import { createApp as createIngest, type IngestDeps } from './ingest/app.ts'
import { createApp as createModels, type ModelsDeps } from './models/app.ts'
import { createApp as createTrain, type TrainDeps } from './train/app.ts'
import { createApp as createWebhooks, type WebhooksDeps } from './webhooks/app.ts'

type Deps = AccessDeps & IngestDeps & ConvertDeps & ModelsDeps & TrainDeps & InferDeps & WebhooksDeps

export function createApp(deps: Deps): HttpApp {
  const app = createHttpApp({
    ...deps,
    name: 'preamble',
    ready: { ...reachable(deps), engine: async () => deps.engine.check() },
  })
  const services = {
    access: createAccess,
    ingest: createIngest,
    convert: createConvert,
    models: createModels,
    train: createTrain,
    infer: createInfer,
    webhooks: createWebhooks,
  }
  for (const [service, create] of Object.entries(services))
    app.route('/', create({ ...deps, log: deps.log.child({ service }) }))
  return app
}
