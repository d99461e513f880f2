import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { Pool } from 'pg'
import { leaseMs } from './lease.ts'

/** How long a query waits for a connection. */
const connectMs = 5000

export type Database = NodePgDatabase
/** A transaction can be used where a database can. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

/** A pool of connections, made when they are needed. */
export function connect(url: string): { db: Database; close(): Promise<void> } {
  const pool = openPool(url)
  return { db: drizzle(pool), close: () => pool.end() }
}

export function openPool(url: string): Pool {
  const pool = new Pool({
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    // A process that is suspended, or cut off, amid a transaction holds its rows no longer than its leases.
    idle_in_transaction_session_timeout: leaseMs,
  })
  // A connection that is lost is replaced; who was using it hears of that from its query.
  const unheard = () => {}
  pool.on('error', unheard)
  pool.on('connect', (client) => client.on('error', unheard))
  return pool
}
