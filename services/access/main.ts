/** `npm run access`: this service alone. */
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { createApp } from './app.ts'

await runProcess('access', async ({ config, log, host, onStop }) => {
  const { db, close } = await openDatabase(config)
  onStop(close)
  const server = await listen(createApp({ ...host, db }), await whereToListen(db, config, log), host.lifetime)
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
