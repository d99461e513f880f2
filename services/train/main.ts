/** `npm run train:api`: this service alone; `npm run train:worker` does the work. */
import { openEngine } from '../../engine/index.ts'
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { baseModels } from '../../infra/base-models.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'

await runProcess('train', async ({ config, log, host, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const store = await openStore(config)
  const bases = baseModels(config.models, { db: database.db, store })
  const engine = openEngine()
  onStop(engine.close)
  const { memory } = config
  const deps = {
    ...host,
    db: database.db,
    store,
    bases,
    engine,
    memory,
  }
  const server = await listen(createApp(deps), await whereToListen(database.db, config, log), host.lifetime)
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
