import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import { Client } from 'pg'

const migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url))
/** Services that start together migrate one after the other. */
const lock = 0x70726561 // "prea"

/** Brings the tables up to date; does nothing where they are. */
export async function migrate(url: string): Promise<void> {
  const client = new Client({ connectionString: url }) // a lock belongs to its connection
  await client.connect()
  try {
    const db = drizzle(client)
    await db.execute(sql`select pg_advisory_lock(${lock})`)
    await applyMigrations(db, { migrationsFolder })
  } finally {
    await client.end()
  }
}
