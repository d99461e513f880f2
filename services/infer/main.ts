/** `npm run infer`: this service alone. */
import { join } from 'node:path'
import { openEngine } from '../../engine/index.ts'
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { baseModels } from '../../infra/base-models.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'
import { warnOfStrangers } from './warn-of-strangers.ts'

await runProcess('infer', async ({ config, log, host, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const engine = openEngine({ adapterBytes: config.adapterBytes, ...config.serving })
  onStop(engine.close)
  const store = await openStore(config)
  const bases = baseModels(config.models, { db: database.db, store })
  const scratch = join(config.home, 'scratch')
  const { maxFileBytes, requestTimeout, weights } = config
  const deps = { db: database.db, store, bases, engine, scratch, maxFileBytes, requestTimeout, weights }
  await warnOfStrangers(deps, log)
  const server = await listen(
    createApp({ ...host, ...deps }),
    await whereToListen(database.db, config, log),
    host.lifetime,
  )
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
