import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { leaseMs } from './lease.ts'

export type Database = PostgresJsDatabase
/** A transaction can be used where a database can. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

/** A process that was suspended, or cut off, amid a transaction must not hold its rows for longer than its leases. */
const idleInTransaction = { idle_in_transaction_session_timeout: leaseMs }

/** A pool of connections, made when they are needed. */
export function connect(url: string): { db: Database; close(): Promise<void> } {
  const client = postgres(url, { connection: idleInTransaction, onnotice: () => {} })
  return { db: drizzle(client), close: () => client.end({ timeout: 5 }) }
}
