/** Databases for tests: each test file owns one, made from the server that the whole run shares. */
import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { connect, type Database } from './client.ts'
import { migrate } from './migrate.ts'

/** A fresh database with all tables; `close` drops it. Needs the server that `test/postgres.ts` starts. */
export async function testDatabase(): Promise<{ db: Database; url: string; close(): Promise<void> }> {
  const server = process.env.TEST_DATABASE_URL
  if (!server) throw new Error('TEST_DATABASE_URL is not set: run the tests through vitest')
  const name = `test_${randomBytes(8).toString('hex')}`
  const admin = new Pool({ connectionString: server, max: 1 })
  await admin.query(`create database ${name}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await migrate(url)
  const { db, close } = connect(url)
  return {
    db,
    url,
    async close() {
      await close()
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}
