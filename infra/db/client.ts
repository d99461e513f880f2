import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

export type Database = PostgresJsDatabase
/** A transaction can be used where a database can. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

/** A pool of connections, made when they are needed. */
export function connect(url: string): { db: Database; close(): Promise<void> } {
  const client = postgres(url, { onnotice: () => {} })
  return { db: drizzle(client), close: () => client.end({ timeout: 5 }) }
}
