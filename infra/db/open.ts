import { join } from 'node:path'
import type { Config } from '../config.ts'
import { connect, type Database } from './client.ts'
import { startEmbedded } from './embedded.ts'
import { migrate } from './migrate.ts'

export type OpenDatabase = {
  db: Database
  /** For those who bring their own client, and for child processes. */
  url: string
  close(): Promise<void>
}

type Place = Pick<Config, 'databaseUrl' | 'home'>

/** Where the embedded Postgres keeps its data. */
export const embeddedDirectory = ({ home }: Pick<Place, 'home'>) => join(home, 'postgres')

/** The server at `databaseUrl`, as it is, or an embedded one under `home`, which runs until `stop`. */
export async function reachServer(config: Place): Promise<{ url: string; stop(): Promise<void> }> {
  if (config.databaseUrl) return { url: config.databaseUrl, stop: async () => {} }
  return startEmbedded({ directory: embeddedDirectory(config) })
}

/** The database at `databaseUrl`, or an embedded one under `home`, with its tables up to date. */
export async function openDatabase(config: Place): Promise<OpenDatabase> {
  const { url, stop } = await reachServer(config)
  try {
    await migrate(url)
  } catch (error) {
    await stop()
    throw error
  }
  const { db, close } = connect(url)
  return {
    db,
    url,
    async close() {
      await close()
      await stop()
    },
  }
}
