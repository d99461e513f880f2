import type { Database } from '../db/client.ts'
import type { Log } from '../log.ts'
import { anyKeys } from './caller.ts'
import { isLoopback } from './loopback.ts'

const loopback = '127.0.0.1'

/** Where a server may listen: while there are no keys, only where nobody from outside comes in. It says so. */
export async function whereToListen(
  db: Database,
  { host, port }: { host: string; port: number },
  log: Pick<Log, 'warn'>,
): Promise<{ host: string; port: number }> {
  if (await anyKeys(db)) return { host, port }
  const hint =
    'there are no API keys: whoever is on this machine may do everything, and nobody else may; `preamble keys create NAME --scopes read,write,serve,admin` makes the first key'
  if (isLoopback(host)) {
    log.warn({ host }, hint)
    return { host, port }
  }
  log.warn({ host: loopback, asked: host }, `${hint}, and after a restart this server listens on ${host}`)
  return { host: loopback, port }
}
