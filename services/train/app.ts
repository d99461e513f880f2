/** The service that takes fine-tuning jobs and tells how they are doing; its worker trains them. */
import type { Database } from '../../infra/db/client.ts'
import { createHttpApp, type HttpApp } from '../../infra/http/app.ts'
import type { Log } from '../../infra/log.ts'
import type { Queue } from '../../infra/queue/queue.ts'
import type { PlanDeps } from './plan-job.ts'
import { addJobRoutes } from './routes/jobs.ts'
import { addProgressRoutes } from './routes/progress.ts'

export type TrainDeps = PlanDeps & {
  log: Log
  version: string
  db: Database
  /** Jobs whose files are to be validated, and jobs to be trained. */
  validation: Pick<Queue, 'enqueue'>
  training: Pick<Queue, 'enqueue'>
}

export function createApp(deps: TrainDeps): HttpApp {
  const app = createHttpApp({ name: 'train', version: deps.version, log: deps.log })
  addJobRoutes(app, deps)
  addProgressRoutes(app, deps)
  return app
}
