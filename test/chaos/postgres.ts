/** A Postgres of the run's own, which is killed and comes back at the same address. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Database } from '../../infra/db/client.ts'
import { startEmbedded } from '../../infra/db/embedded.ts'

export type Postgres = {
  url: string
  db: Database
  /** Ends it as a loss of power would, all at once, or as `pg_ctl stop -m immediate` does; `down` ms later it is back. */
  restart(signal: 'SIGKILL' | 'SIGQUIT', down: number): Promise<void>
  stop(): Promise<void>
}

export async function openPostgres(directory: string, port: number): Promise<Postgres> {
  const start = () => startEmbedded({ directory, port })
  let server = await start()
  const { url } = server
  const { db, close } = connect(url)
  return {
    url,
    db,
    async restart(signal, down) {
      const [pid] = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), signal)
      await server.stop()
      await sleep(down)
      server = await start()
    },
    async stop() {
      await close()
      await server.stop()
    },
  }
}
