/** `npm run convert`: this service alone. */
import { join } from 'node:path'
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'

await runProcess('convert', async ({ config, log, host, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const store = await openStore(config)
  const server = await listen(
    createApp({ ...host, db: database.db, store, scratch: join(config.home, 'scratch') }),
    await whereToListen(database.db, config, log),
    host.lifetime,
  )
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
