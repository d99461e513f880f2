import { eq } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import { newId } from '../../contract/ids.ts'
import { firstProject } from '../access/caller.ts'
import { migrate } from './migrate.ts'
import { files } from './tables/index.ts'
import { testDatabase } from './testing.ts'

const { db, url, close } = await testDatabase()
afterAll(close)

test('migrating twice, or twice at once, changes nothing', async () => {
  await Promise.all([migrate(url), migrate(url)])
  await migrate(url)
})

test('a row comes back as it went in', async () => {
  const id = newId('file')
  const row = {
    id,
    filename: '问答.txt',
    purpose: 'fine-tune',
    bytes: 3,
    sha256: 'x',
    encoding: 'utf-8',
    objectKey: 'k',
  } as const
  await db.insert(files).values({ ...row, project: firstProject })
  expect(await db.select().from(files).where(eq(files.id, id))).toMatchObject([row])
})
