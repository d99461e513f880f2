/** `npm run train:api`: this service alone; `npm run train:worker` does what it puts in line. */
import { baseModels } from '../../infra/base-models.ts'
import { openDatabase } from '../../infra/db/open.ts'
import { listen } from '../../infra/http/serve.ts'
import { runProcess, version } from '../../infra/process.ts'
import { openQueue } from '../../infra/queue/queue.ts'
import { openStore } from '../../infra/store/open.ts'
import { createApp } from './app.ts'
import { queueNames } from './queues.ts'

await runProcess('train', async ({ config, log, onStop }) => {
  const database = await openDatabase(config)
  onStop(database.close)
  const validation = await openQueue(database.url, queueNames.validation, log)
  onStop(() => validation.stop())
  const store = openStore(config.storageUrl)
  const bases = baseModels(config.models, { db: database.db, store })
  const server = await listen(createApp({ log, version, db: database.db, bases, validation }), config)
  onStop(() => server.close())
  log.info({ url: server.url }, 'listening')
})
