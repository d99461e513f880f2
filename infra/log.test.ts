import { sql } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import { ApiError } from '../contract/errors.ts'
import { testDatabase } from './db/testing.ts'
import { createLog } from './log.ts'

const { db, close } = await testDatabase()
afterAll(close)

test('a query that fails is logged without its values', async () => {
  const lines: string[] = []
  const log = createLog({ name: 'test', level: 'info' }, { write: (line) => lines.push(line) })
  await db.execute(sql`create table words (word text check (length(word) < 3))`)
  for (const query of [
    sql`insert into words values (${'whsec_secret'})`,
    sql`select ${'whsec_secret'} from nowhere`,
  ]) {
    const error = await db.execute(query).catch((error: unknown) => error)
    log.error({ err: new ApiError('server_error', 'it failed', { cause: error }) }, 'request failed')
  }
  expect(lines.join('')).not.toContain('whsec_secret')
  expect(lines.map((line) => JSON.parse(line).err.message)).toEqual([
    expect.stringMatching(/it failed: Failed query: insert into words values \(\$1\): .*violates check/),
    expect.stringMatching(/it failed: Failed query: select \$1 from nowhere: .*does not exist/),
  ])
})
