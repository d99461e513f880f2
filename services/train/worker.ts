/** `npm run train:worker`: validates and trains, a job at a time, until it is told to stop. */
import { join } from 'node:path'
import { openEngine } from '../../engine/index.ts'
import { baseModels } from '../../infra/base-models.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { runProcess } from '../../infra/process.ts'
import { openQueue } from '../../infra/queue/queue.ts'
import { openStore } from '../../infra/store/open.ts'
import { checkDevice } from './check-device.ts'
import type { JobId } from './job.ts'
import { queues } from './queues.ts'
import { runJob } from './run-job.ts'
import { validateJob } from './validate-job.ts'

await runProcess('train-worker', async ({ config, log, onStop }) => {
  await checkDevice(openEngine, config)
  const database = await openDatabase(config)
  onStop(database.close)
  const validation = await openQueue(database.url, queues.validation, log)
  onStop(() => validation.stop())
  const training = await openQueue(database.url, queues.training, log)
  onStop(() => training.stop())
  const store = await openStore(config)
  const bases = baseModels(config.models, { db: database.db, store })
  const deps = {
    ...{ log, db: database.db, store, bases, training, openEngine },
    ...{ device: config.device, memory: config.memory, cache: join(config.home, 'quantized') },
  }
  // A job is validated while another one trains.
  await validation.work((id) => validateJob(deps, id as JobId))
  await training.work((id, signal) => runJob(deps, id as JobId, signal))
  log.info('waiting for jobs')
})
