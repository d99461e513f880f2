import { join } from 'node:path'
import { connect, type Database } from './client.ts'
import { startEmbedded } from './embedded.ts'
import { migrate } from './migrate.ts'

export type OpenDatabase = {
  db: Database
  /** For those who bring their own client, and for child processes. */
  url: string
  close(): Promise<void>
}

/** The database at `databaseUrl`, or an embedded one under `home`, with its tables up to date. */
export async function openDatabase(config: {
  databaseUrl: string | undefined
  home: string
}): Promise<OpenDatabase> {
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbedded({ directory: join(config.home, 'postgres') })
  const url = config.databaseUrl ?? embedded!.url
  try {
    await migrate(url)
  } catch (error) {
    await embedded?.stop()
    throw error
  }
  const { db, close } = connect(url)
  return {
    db,
    url,
    async close() {
      await close()
      await embedded?.stop()
    },
  }
}
