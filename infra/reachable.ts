import { sql } from 'drizzle-orm'
import type { Database } from './db/client.ts'
import type { Checks } from './http/probes.ts'
import type { Store } from './store/store.ts'

/** What no service can do without; the store, unless it has none. */
export const reachable = ({ db, store }: { db: Database; store?: Pick<Store, 'check'> }): Checks => ({
  database: () => db.execute(sql`select 1`),
  ...(store && { storage: () => store.check() }),
})
