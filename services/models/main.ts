/** `npm run models`: this service alone, with the work on what is to be pulled. */
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'
import { startPulling } from './start.ts'

await runProcess('models', async ({ config, log, host, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const store = await openStore(config)
  const { db } = database
  const { deps, stop } = startPulling(config, { db, store, log })
  onStop(stop)
  const server = await listen(
    createApp({ ...host, db, store, ...deps }),
    await whereToListen(db, config, log),
    host.lifetime,
  )
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
