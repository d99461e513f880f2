/** The first stage: files come in, go out and are deleted, as the OpenAI SDK speaks it. */
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { reachable } from '../../infra/reachable.ts'
import type { Store } from '../../infra/store/store.ts'
import { addFileRoutes } from './routes/files.ts'
import { addUploadRoutes } from './routes/uploads.ts'

export type IngestDeps = HostDeps & {
  db: Database
  store: Store
  /** The largest file that is taken in one request, and in parts. */
  maxFileBytes: number
  maxUploadBytes: number
}

export function createApp(deps: IngestDeps): HttpApp {
  const app = createHttpApp({ ...deps, name: 'ingest', ready: reachable(deps) })
  addFileRoutes(app, deps)
  addUploadRoutes(app, deps)
  return app
}
