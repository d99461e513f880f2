import { whereToListen } from '../access/where-to-listen.ts'
import type { Database } from '../db/client.ts'
import type { Process } from '../process.ts'
import { createHttpApp } from './app.ts'
import type { Checks } from './probes.ts'
import { listen } from './serve.ts'

type Worker = { name: string; db: Database; ready: Checks }

/** Has a worker, which serves nothing, answer those who watch it, if there is a port for that. */
export async function listenForProbes({ config, log, host, onStop }: Process, worker: Worker): Promise<void> {
  const { probePort: port } = config
  if (port === undefined) return
  const app = createHttpApp({ ...host, ...worker })
  const place = await whereToListen(worker.db, { host: config.host, port }, log)
  const server = await listen(app, { ...place, variable: 'PREAMBLE_PROBE_PORT' }, host.lifetime)
  onStop(() => server.close())
  log.info({ url: server.url }, 'listening for probes')
}
