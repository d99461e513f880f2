/** `npm run train:worker`: validates and trains, a job at a time, until it is told to stop; any number of them may run. */
import { join } from 'node:path'
import { openEngine } from '../../engine/index.ts'
import { baseModels } from '../../infra/base-models.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listenForProbes } from '../../infra/http/listen-for-probes.ts'
import { runProcess } from '../../infra/process.ts'
import { reachable } from '../../infra/reachable.ts'
import { openStore } from '../../infra/store/open.ts'
import { startSweeping } from '../../infra/sweep/start.ts'
import { checkDevice } from './check-device.ts'
import { startJobs } from './start.ts'

await runProcess('train-worker', async (process) => {
  const { config, log, onStop } = process
  await checkDevice(openEngine, config)
  const { db, close } = await openDatabase(config)
  onStop(close)
  const store = await openStore(config)
  await listenForProbes(process, { name: 'train-worker', db, ready: reachable({ db, store }) })
  const bases = baseModels(config.models, { db, store })
  const { device, memory } = config
  const [cache, scratch] = [join(config.home, 'quantized'), join(config.home, 'scratch')]
  onStop(startJobs({ db, store, bases, openEngine, device, memory, cache, scratch, log }).stop)
  onStop(startSweeping({ db, store, log }).stop)
  log.info('waiting for jobs')
})
