/** `npm run infer`: this service alone. */
import { join } from 'node:path'
import { openEngine } from '../../engine/index.ts'
import { baseModels } from '../../infra/base-models.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess, version } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'

await runProcess('infer', async ({ config, log, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const engine = openEngine()
  onStop(engine.close)
  const store = openStore(config.storageUrl)
  const bases = baseModels(config.models, { db: database.db, store })
  const scratch = join(config.home, 'scratch')
  const { maxFileBytes } = config
  const deps = { log, version, db: database.db, store, bases, engine, scratch, maxFileBytes }
  const server = await listen(createApp(deps), config)
  onStop(() => server.close())
  log.info({ url: server.url }, 'listening')
})
