/** `npm run webhooks:worker`: delivers webhooks until it is told to stop; any number of them may run. */
import { openDatabase } from '../../infra/db/open.ts'
import { listenForProbes } from '../../infra/http/listen-for-probes.ts'
import { runProcess } from '../../infra/process.ts'
import { reachable } from '../../infra/reachable.ts'
import { openNetwork } from './network.ts'
import { startDelivering } from './start.ts'

await runProcess('webhooks-worker', async (process) => {
  const { config, log, onStop } = process
  const { db, close } = await openDatabase(config)
  onStop(close)
  await listenForProbes(process, { name: 'webhooks-worker', db, ready: reachable({ db }) })
  const network = openNetwork(config.webhookAllow)
  onStop(startDelivering({ db, log, network, now: () => new Date(), random: Math.random }).stop)
  log.info('waiting for events')
})
