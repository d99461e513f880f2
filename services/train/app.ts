/** The service that takes fine-tuning jobs and tells how they are doing; its worker trains them. */
import { count } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { jobs } from '../../infra/db/tables/index.ts'
import { createHttpApp, type HostDeps, type HttpApp } from '../../infra/http/app.ts'
import { countByStatus, createMetrics } from '../../infra/metrics.ts'
import { reachable } from '../../infra/reachable.ts'
import type { Store } from '../../infra/store/store.ts'
import type { PlanDeps } from './plan-job.ts'
import { addJobRoutes } from './routes/jobs.ts'
import { addProgressRoutes } from './routes/progress.ts'

export type TrainDeps = HostDeps &
  PlanDeps & {
    db: Database
    store: Pick<Store, 'check'>
  }

export function createApp(given: TrainDeps): HttpApp {
  const deps = { ...given, metrics: given.metrics ?? createMetrics() }
  countByStatus(deps.metrics, { name: 'preamble_jobs', help: 'Fine-tuning jobs by status.' }, () =>
    deps.db.select({ status: jobs.status, n: count() }).from(jobs).groupBy(jobs.status),
  )
  const app = createHttpApp({ ...deps, name: 'train', ready: reachable(deps) })
  addJobRoutes(app, deps)
  addProgressRoutes(app, deps)
  return app
}
