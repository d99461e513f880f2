/** `npm run ingest`: this service alone. It sweeps, for files come and expire also where nothing is trained. */
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { startSweeping } from '../../infra/sweep/start.ts'
import { createApp } from './app.ts'

await runProcess('ingest', async ({ config, log, host, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const store = await openStore(config)
  onStop(startSweeping({ db: database.db, store, log }).stop)
  const { maxFileBytes, maxUploadBytes } = config
  const server = await listen(
    createApp({ ...host, db: database.db, store, maxFileBytes, maxUploadBytes }),
    await whereToListen(database.db, config, log),
    host.lifetime,
  )
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
