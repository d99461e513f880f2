/** `npm run webhooks`: this service alone; `npm run webhooks:worker` delivers. */
import { whereToListen } from '../../infra/access/where-to-listen.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess } from '../../infra/process.ts'
import { createApp } from './app.ts'
import { openNetwork } from './network.ts'

await runProcess('webhooks', async ({ config, log, host, onStop }) => {
  const { db, close } = await openDatabase(config)
  onStop(close)
  const network = openNetwork(config.webhookAllow)
  const app = createApp({ ...host, db, network, now: () => new Date() })
  const server = await listen(app, await whereToListen(db, config, log), host.lifetime)
  onStop(() => server.close(config.drainTimeout))
  log.info({ url: server.url }, 'listening')
})
