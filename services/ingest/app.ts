/** The first stage: files come in, go out and are deleted, as the OpenAI SDK speaks it. */
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HttpApp } from '../../infra/http/app.ts'
import type { Log } from '../../infra/log.ts'
import type { Store } from '../../infra/store/store.ts'
import { addFileRoutes } from './routes/files.ts'

export type IngestDeps = {
  db: Database
  store: Store
  log: Log
  version: string
  /** The largest file that is taken. */
  maxFileBytes: number
}

export function createApp(deps: IngestDeps): HttpApp {
  const app = createHttpApp({ name: 'ingest', version: deps.version, log: deps.log })
  addFileRoutes(app, deps)
  return app
}
