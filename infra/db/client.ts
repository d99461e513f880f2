import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

export type Database = PostgresJsDatabase

/** A pool of connections, made when they are needed. */
export function connect(url: string): { db: Database; close(): Promise<void> } {
  const client = postgres(url, { onnotice: () => {} })
  return { db: drizzle(client), close: () => client.end({ timeout: 5 }) }
}
