/** The checks against things that are really broken. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasCudaFiles } from '../../engine/runtime/cuda.case.ts'
import { temporary, writeBase } from '../../engine/tiny.case.ts'
import { readConfig } from '../../infra/config.ts'
import { baseModelTable } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { examine } from './examine.ts'
import { line } from './finding.ts'

const { root, remove } = temporary()
let database: Awaited<ReturnType<typeof testDatabase>>
beforeAll(async () => {
  database = await testDatabase()
  writeBase(join(root, 'models', 'tiny'))
})
afterAll(async () => {
  await database.close()
  remove()
})

/** What is found where all is well but for `env`, in lines. */
async function found(env: Record<string, string> = {}): Promise<string[]> {
  const well = {
    ...{ PORT: '0', PREAMBLE_HOME: join(root, 'home'), MODELS: join(root, 'models') },
    ...{
      DATABASE_URL: database.url,
      PREAMBLE_KV_BYTES: '1',
      PREAMBLE_ADAPTER_BYTES: '1',
      MAX_FILE_BYTES: '1',
    },
  }
  return (await Array.fromAsync(examine(readConfig({ ...well, ...env })))).map(line)
}
const notOk = async (env: Record<string, string>) =>
  (await found(env)).filter((line) => !line.startsWith('ok'))

test('where all is well, every check says so', async () => {
  const lines = await found()
  expect(lines.map((line) => line.split(/ +/).slice(0, 2))).toEqual(
    ['address', 'database', 'migrations', 'storage', 'disk', 'device', 'memory', 'models'].map((about) => [
      'ok',
      about,
    ]),
  )
  expect(lines.join('\n')).toMatch(/^ok +database +Postgres \d+\.\d+ answers: 127\.0\.0\.1:\d+\/test_\w+$/m)
})

test('a machine where nothing was started yet is well', async () => {
  expect(await notOk({ DATABASE_URL: '' })).toEqual([])
})

describe('a database', () => {
  const urlWith = (change: Partial<URL>) => Object.assign(new URL(database.url), change).href
  test.each([
    ['that is not there', { port: '1' }, 'nothing listens there; start Postgres, or correct DATABASE_URL'],
    ['without its host', { hostname: 'no-such-host.invalid' }, 'there is no such host; correct DATABASE_URL'],
    [
      'of another name',
      { pathname: '/nothing' },
      'there is no such database; create it, or correct DATABASE_URL',
    ],
    [
      'with another password',
      { password: 'sesame' },
      'the user or the password is wrong; correct DATABASE_URL',
    ],
  ])('%s fails, and no password is shown', async (_, change, problem) => {
    const lines = await notOk({ DATABASE_URL: urlWith(change) })
    expect(lines).toEqual([expect.stringMatching(/^FAIL +database +[^ ]+:\d+\/\w+: /)])
    expect(lines[0]).toContain(problem)
    for (const secret of ['sesame', new URL(database.url).password]) expect(lines[0]).not.toContain(secret)
  })
})

describe('migrations', () => {
  let other: Awaited<ReturnType<typeof testDatabase>>
  beforeAll(async () => {
    other = await testDatabase()
  })
  afterAll(() => other.close())
  const inOther = (query: ReturnType<typeof sql>) => other.db.execute(query)
  const about = async () => (await notOk({ DATABASE_URL: other.url })).join('\n')
  const written = sql`drizzle.__drizzle_migrations`

  test('of a later version fail', async () => {
    await inOther(sql`insert into ${written} (hash, created_at) values ('later', ${Date.UTC(2030, 0, 2)})`)
    expect(await about()).toMatch(
      /^FAIL +migrations +1 of another version .* \(written 2030-01-02\): run that version/,
    )
    await inOther(sql`delete from ${written} where hash = 'later'`)
    expect(await about()).toBe('')
  })

  test('that were passed over fail', async () => {
    await inOther(sql`create table kept as select * from ${written} order by created_at limit 1`)
    await inOther(sql`delete from ${written} where created_at = (select created_at from kept)`)
    expect(await about()).toMatch(/^FAIL +migrations +1 were never applied/)
    await inOther(sql`insert into ${written} select * from kept`)
  })

  test('that are still to come are a warning', async () => {
    await inOther(sql`delete from ${written} where created_at = (select max(created_at) from ${written})`)
    expect(await about()).toMatch(/^warn +migrations +\d+ applied, 1 to come: the next start applies them/)
    await inOther(sql`drop schema drizzle cascade`)
    expect(await about()).toMatch(/^warn +migrations +0 applied, \d+ to come/)
  })

  test('that this user may not read fail', async () => {
    await inOther(sql`create schema drizzle`)
    await inOther(sql`create table ${written} (hash text, created_at bigint)`)
    await inOther(sql`create role stranger login password 'sesame'`)
    const url = Object.assign(new URL(other.url), { username: 'stranger', password: 'sesame' }).href
    try {
      const lines = await notOk({ DATABASE_URL: url })
      expect(lines).toEqual([
        expect.stringMatching(/^FAIL +migrations +they cannot be read: permission denied/),
      ])
    } finally {
      await inOther(sql`drop role stranger`)
    }
  })
})

describe('a storage', () => {
  test('below a file fails', async () => {
    await writeFile(join(root, 'file'), '')
    const lines = await notOk({ STORAGE_URL: pathToFileURL(join(root, 'file', 'objects')).href })
    expect(lines).toEqual([
      expect.stringMatching(/^FAIL +storage +file:\/\/.*: a part of this path is a file/),
    ])
  })

  test('of no kind that there is fails', async () => {
    const lines = await notOk({ STORAGE_URL: 'ftp://user:sesame@host/place' })
    expect(lines).toEqual([
      expect.stringMatching(/^FAIL +storage +ftp:\/\/host\/place: .*expected file:\/\/… or s3/),
    ])
  })

  test('that may only be read fails', async () => {
    const objects = join(root, 'read-only')
    await mkdir(objects)
    await chmod(root, 0o755)
    await chmod(objects, 0o555)
    const isRoot = process.getuid!() === 0
    // Root may write everywhere: be somebody else for a moment.
    if (isRoot) process.seteuid!(65534)
    try {
      const home = join(root, 'read-only', 'home')
      const lines = await notOk({ STORAGE_URL: pathToFileURL(objects).href, PREAMBLE_HOME: home })
      expect(lines).toEqual([expect.stringMatching(/^FAIL +storage +file:.*: this user may not write there/)])
    } finally {
      if (isRoot) process.seteuid!(0)
    }
  })
})

describe('a base model', () => {
  const models = join(root, 'broken')
  const about = async () => (await notOk({ MODELS: models })).join('\n')

  test('that is missing altogether fails', async () => {
    expect(await about()).toMatch(/^FAIL +models +no base model below .*broken: `preamble models pull` one/)
  })

  test.each(['model.safetensors', 'tokenizer.json'])('without its %s fails by this name', async (name) => {
    await rm(join(writeBase(join(models, 'lame')), name))
    expect(await about()).toMatch(new RegExp(`^FAIL +models +lame: .*${name}`))
    await rm(models, { recursive: true })
  })

  test('that was cut off fails', async () => {
    await truncate(join(writeBase(join(models, 'short')), 'model.safetensors'), 20_000)
    expect(await about()).toMatch(/^FAIL +models +short: .*model\.safetensors/)
  })

  test('that was added has the size and the hash that it came with', async () => {
    const store = diskStore(join(root, 'home', 'objects'))
    const content = Buffer.from('weights')
    const sha256 = createHash('sha256').update(content).digest('hex')
    const files = [{ name: 'model.safetensors', bytes: content.length, sha256 }]
    const row = {
      id: 'added',
      status: 'ready',
      origin: 'path',
      source: '/a',
      objectKey: 'base_models/added',
    } as const
    await database.db.insert(baseModelTable).values({ ...row, files, bytes: content.length })
    const put = (text: string) => store.putBytes(`${row.objectKey}/model.safetensors`, Buffer.from(text))
    await put('weights')
    expect(await found()).toContain('ok    models         added')
    await put('weighty')
    expect(await notOk({})).toEqual([
      expect.stringMatching(/added: model\.safetensors is not what it was, its hash/),
    ])
    await put('weight')
    expect(await notOk({})).toEqual([
      expect.stringMatching(/added: .* has 6 bytes and should have 7; delete/),
    ])
    await store.delete(row.objectKey)
    expect(await notOk({})).toEqual([expect.stringMatching(/added: .*no object.*model\.safetensors/)])
    await database.db.delete(baseModelTable)
  })
})

test('a port that something else has fails', async () => {
  const taken = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  expect(await notOk({ PORT: String(port) })).toEqual([
    expect.stringMatching(/^FAIL +address +cannot listen on .*: another program listens there/),
  ])
  taken.close()
})

test.skipIf(hasCudaFiles)('a device that is not there fails', async () => {
  expect(await notOk({ PREAMBLE_DEVICE: 'cuda' })).toEqual([
    expect.stringMatching(/^FAIL +device +the device cuda cannot be used: it needs an NVIDIA GPU/),
  ])
})

test('budgets beyond the memory are a warning', async () => {
  expect(await notOk({ PREAMBLE_KV_BYTES: String(2 ** 50) })).toEqual([
    expect.stringMatching(
      /^warn +memory +.*weights of tiny .* keys and values up to 1048576\.0 GiB.*lower PREAMBLE_KV/,
    ),
  ])
})

test('uploads that the disk has no room for fail', async () => {
  expect(await notOk({ MAX_FILE_BYTES: String(2 ** 50) })).toEqual([
    expect.stringMatching(
      /^FAIL +disk +.* free in .*, and one upload of MAX_FILE_BYTES \(1048576\.0 GiB\) would not fit/,
    ),
  ])
})
