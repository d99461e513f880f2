/** The service of projects, the keys to them, and the audit log. */
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { reachable } from '../../infra/reachable.ts'
import { addAuditLogRoute } from './routes/audit-log.ts'
import { addKeyRoutes } from './routes/keys.ts'
import { addProjectRoutes } from './routes/projects.ts'

export type AccessDeps = HostDeps & { db: Database }

export function createApp(deps: AccessDeps): HttpApp {
  const app = createHttpApp({ ...deps, name: 'access', ready: reachable({ db: deps.db }) })
  addProjectRoutes(app, deps)
  addKeyRoutes(app, deps)
  addAuditLogRoute(app, deps)
  return app
}
