/** `npm start`: all services on one port, and the training worker in a process beside. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openEngine } from '../engine/index.ts'
import { whereToListen } from '../infra/access/where-to-listen.ts'
import { baseModels } from '../infra/base-models.ts'
import { openDatabase } from '../infra/db/open.ts'
import { listen } from '../infra/http/serve.ts'
import { runProcess } from '../infra/process.ts'
import { openStore } from '../infra/store/open.ts'
import { createApp } from './app.ts'
import { warnOfStrangers } from './infer/warn-of-strangers.ts'
import { startPulling } from './models/start.ts'
import { keepRunning } from './start/keep-running.ts'
import { checkDevice } from './train/check-device.ts'
import { openNetwork } from './webhooks/network.ts'
import { startDelivering } from './webhooks/start.ts'

/** How long a training worker may take to put its job back in line. */
const workerGrace = 15_000 // ms

await runProcess('preamble', async ({ config, log, host, onStop }) => {
  await checkDevice(openEngine, config)
  const database = await openDatabase(config)
  onStop(database.close)
  const engine = openEngine({ adapterBytes: config.adapterBytes, ...config.serving })
  onStop(engine.close)
  const store = await openStore(config)
  const models = startPulling(config, {
    db: database.db,
    store,
    log: log.child({ service: 'models' }),
  })
  onStop(models.stop)
  const webhooks = { network: openNetwork(config.webhookAllow), now: () => new Date() }
  const deps = {
    ...models.deps,
    ...webhooks,
    ...host,
    ...{ engine, store },
    db: database.db,
    maxFileBytes: config.maxFileBytes,
    maxUploadBytes: config.maxUploadBytes,
    requestTimeout: config.requestTimeout,
    weights: config.weights,
    memory: config.memory,
    bases: baseModels(config.models, { db: database.db, store }),
    scratch: join(config.home, 'scratch'),
  }

  await warnOfStrangers(deps, log)
  const delivering = startDelivering({
    ...webhooks,
    ...{ db: database.db, log: log.child({ service: 'webhooks' }), random: Math.random },
  })
  onStop(delivering.stop)
  const app = createApp(deps)
  const server = await listen(app, await whereToListen(database.db, config, log), host.lifetime)

  const worker = keepRunning(fileURLToPath(new URL('./train/worker.ts', import.meta.url)), {
    env: { ...process.env, DATABASE_URL: database.url },
    onDeath: (code, signal, restartMs) =>
      log.error({ code, signal, restartMs }, 'the training worker died and is started again'),
  })
  // Together: while the worker keeps its state, requests go on.
  onStop(() => Promise.all([server.close(config.drainTimeout), worker.stop(workerGrace)]))
  log.info({ url: server.url, models: (await deps.bases.list()).map(({ id }) => id) }, 'listening')
})
