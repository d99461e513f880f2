/** The second stage: an uploaded corpus becomes a dataset. */
import type { MakeDeps } from '../../corpus/make-dataset.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { reachable } from '../../infra/reachable.ts'
import { addDatasetRoutes } from './routes/datasets.ts'

export type ConvertDeps = HostDeps & MakeDeps

export function createApp(deps: ConvertDeps): HttpApp {
  const app = createHttpApp({ ...deps, name: 'convert', ready: reachable(deps) })
  addDatasetRoutes(app, deps)
  return app
}
