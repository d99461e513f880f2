import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import { Client } from 'pg'
import type { Database } from './client.ts'

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

export type MigrationState = {
  applied: number
  /** Those that `migrate` will apply. */
  pending: number
  /** Those that it never will, because a later one was applied without them. */
  leftOut: number
  /** Those of the database that this version does not know, or knows otherwise: when they were written. */
  unknown: Date[]
}

/** How the tables of a database stand to the migrations of this version. */
export async function migrationState(db: Database): Promise<MigrationState> {
  const kept = sql`select to_regclass('drizzle.__drizzle_migrations') is not null as kept`
  const [there] = (await db.execute<{ kept: boolean }>(kept)).rows
  const all = sql`select hash, created_at as at from drizzle.__drizzle_migrations order by created_at`
  const { rows } = there?.kept ? await db.execute<{ hash: string; at: string }>(all) : { rows: [] }
  const own = readMigrationFiles({ migrationsFolder })
  const latest = Number(rows.at(-1)?.at ?? 0)
  const isKnown = (row: { hash: string; at: string }) =>
    own.some(({ hash, folderMillis }) => hash === row.hash && folderMillis === Number(row.at))
  const missing = own.filter(({ folderMillis }) => !rows.some(({ at }) => Number(at) === folderMillis))
  return {
    applied: rows.filter(isKnown).length,
    pending: missing.filter(({ folderMillis }) => folderMillis > latest).length,
    leftOut: missing.filter(({ folderMillis }) => folderMillis <= latest).length,
    unknown: rows.filter((row) => !isKnown(row)).map(({ at }) => new Date(Number(at))),
  }
}
