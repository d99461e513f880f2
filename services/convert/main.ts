/** `npm run convert`: this service alone. */
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess, version } from '../../infra/process.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'

await runProcess('convert', async ({ config, log, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const store = openStore(config.storageUrl)
  const server = await listen(createApp({ log, version, db: database.db, store }), config)
  onStop(() => server.close())
  log.info({ url: server.url }, 'listening')
})
