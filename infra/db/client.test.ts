import { sql } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import { projects } from './tables/index.ts'
import { testDatabase } from './testing.ts'

const { db, close } = await testDatabase()
afterAll(close)

test('a transaction whose connection is lost fails as a whole, and what comes after it has another one', async () => {
  const before = await db.$count(projects)
  const broken = db.transaction(async (tx) => {
    await tx.insert(projects).values({ name: 'first' })
    const { rows } = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
    await db.execute(sql`select pg_terminate_backend(${rows[0]!.pid}, 5000)`)
    await db.transaction(async (other) => void (await other.insert(projects).values({ name: 'other' })))
    await tx.insert(projects).values({ name: 'second' })
  })
  await expect(broken).rejects.toThrow()
  const names = (await db.select().from(projects)).map(({ name }) => name)
  expect(names).toContain('other')
  expect(names).toHaveLength(before + 1)
})

test('one that nobody goes on with ends by itself: the rows of a suspended worker are free with its lease', async () => {
  const { rows } = await db.execute(sql`show idle_in_transaction_session_timeout`)
  expect(rows).toEqual([{ idle_in_transaction_session_timeout: '10s' }])
})
