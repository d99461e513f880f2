/** Base models from a hub and from directories, with a real database, store and HTTP server on the other side. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { BaseModel } from '../../contract/base-model.ts'
import { newId } from '../../contract/ids.ts'
import { Peft } from '../../contract/peft.ts'
import { args, temporary, writeBase } from '../../engine/tiny.case.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { baseModels, directoriesOf } from '../../infra/base-models.ts'
import { adapters, baseModelTable, jobs } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'
import { claimPull, holdPull } from './claim-pull.ts'
import { startHub, type TestHub } from './hub.case.ts'
import { type PullDeps, partsOf, pullModel } from './pull-model.ts'

const { root, remove } = temporary()
const { db, close } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const downloads = join(root, 'downloads')
const logged: string[] = []
const log = createLog({ name: 'test', level: 'trace' }, { write: (line) => logged.push(line) })
const bases = baseModels(join(root, 'shipped'), { db, store })
const app = createApp({
  ...{ log, version: '0', db, store, downloads },
  shipped: directoriesOf(join(root, 'shipped')),
})

const repository = 'someone/tiny-chat'
let files: Record<string, Uint8Array>
let hub: TestHub

beforeAll(async () => {
  writeBase(join(root, 'shipped', 'tiny'))
  const directory = writeBase(join(root, 'local'))
  const names = await readdir(directory)
  files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name))] as const)),
  )
})
beforeEach(async () => {
  await db.delete(adapters)
  await db.delete(baseModelTable)
  await rm(downloads, { recursive: true, force: true })
  logged.length = 0
  const other = new TextEncoder().encode('x'.repeat(20_000))
  hub = await startHub(repository, {
    ...files,
    'README.md': other,
    'model.gguf': other,
    'pytorch_model.bin': other,
  })
})
afterEach(() => hub.close())
afterAll(async () => {
  await close()
  remove()
})

async function call<T = BaseModel>(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' }
  const response = await app.request(path, { method, headers, body: body && JSON.stringify(body) })
  return {
    status: response.status,
    body: (await response.json()) as T & { error: { code: string; message: string } },
  }
}
const ask = (request: object = {}) =>
  call('POST', '/v1/base_models', { source: repository, endpoint: `${hub.endpoint}/`, ...request })
const get = async (id = repository) => (await call('GET', `/v1/base_models/${encodeURIComponent(id)}`)).body
const never = new AbortController().signal
/** What a worker does that takes what waits, if anything does. */
async function pull(waits: number[] = [1], signal = never, own: Partial<PullDeps['hub']> = {}) {
  const row = await claimPull(db, 60_000)
  if (!row) return
  const deps = { db, store, log, downloads, waits }
  try {
    await pullModel({ ...deps, hub: { endpoint: hub.endpoint, token: undefined, ...own } }, row, signal)
  } finally {
    await holdPull(db, row, 0)
  }
}
const usable = async () => (await bases.list()).map(({ id }) => id)

describe('a pull', () => {
  test('fetches the files that are needed, and only then lists the model', async () => {
    const asked = await ask()
    expect(asked).toMatchObject({ status: 201, body: { id: repository, status: 'downloading', bytes: 0 } })
    expect(await usable()).toEqual(['tiny'])
    await pull()
    expect(await usable()).toEqual(['tiny', repository])
    const { status, commit, files: have, bytes, bytes_done } = await get()
    expect([status, commit, bytes_done]).toEqual(['ready', 'c'.repeat(40), bytes])
    expect(have.map(({ name }) => name).sort()).toEqual(Object.keys(files).sort())
    const directory = await (await bases.find(repository))!.directory()
    for (const [name, content] of Object.entries(files))
      expect(Buffer.compare(await readFile(join(directory, name)), content)).toBe(0)
    expect(await readdir(downloads)).toEqual([])
    expect([...hub.asked, ...hub.cdn].map(({ file }) => file)).not.toContain('model.gguf')
    expect(hub.asked.map(({ range }) => range)).toEqual(hub.asked.map(() => undefined))
  })

  test('that breaks off goes on from the byte it has, and fetches none twice', async () => {
    await ask()
    hub.stalls.set('model.safetensors', [30_000])
    const pulling = pull()
    await breakAt(30_000)
    await pulling
    expect((await get()).status).toBe('ready')
    const size = files['model.safetensors']!.length
    const parts = hub.cdn.filter(({ file }) => file === 'model.safetensors')
    expect(parts.map(({ range, sent }) => [range, sent])).toEqual([
      [undefined, 30_000],
      ['bytes=30000-', size - 30_000],
    ])
  })

  test('that gets further each time goes on, however often it breaks off', async () => {
    await ask()
    hub.stalls.set('model.safetensors', [5000, 5000, 5000])
    const pulling = pull([1])
    for (const byte of [5000, 10_000, 15_000]) await breakAt(byte)
    await pulling
    expect((await get()).status).toBe('ready')
    const ranges = hub.cdn.flatMap(({ file, range }) => (file === 'model.safetensors' ? [range] : []))
    expect(ranges).toEqual([undefined, 'bytes=5000-', 'bytes=10000-', 'bytes=15000-'])
  })

  test('from a hub that sends no parts begins the file again', async () => {
    await ask()
    hub.wholeOnly = true
    hub.stalls.set('model.safetensors', [30_000])
    const pulling = pull()
    await breakAt(30_000)
    await pulling
    expect((await get()).status).toBe('ready')
  })

  test('from a hub that is overloaded for a moment goes on', async () => {
    await ask()
    hub.failures = 1
    await pull([1])
    expect((await get()).status).toBe('ready')
  })

  test('onto a full disk says so, and does not try again', { skip: !existsSync('/dev/full') }, async () => {
    await ask()
    const [row] = await db.select().from(baseModelTable)
    const directory = partsOf(downloads, row!)
    await mkdir(directory, { recursive: true })
    await symlink('/dev/full', join(directory, 'model.safetensors'))
    await pull()
    expect(await get()).toMatchObject({ status: 'failed', error: { code: 'disk_full' } })
    expect(hub.cdn.filter(({ file }) => file === 'model.safetensors')).toHaveLength(1)
  })

  test('that fails for good keeps what it has, and goes on when it is asked for again', async () => {
    await ask()
    hub.stalls.set('model.safetensors', [30_000])
    const pulling = pull([])
    await breakAt(30_000)
    await pulling
    expect(await get()).toMatchObject({ status: 'failed', error: { code: 'connection' } })
    expect((await get()).error!.message).toContain('pull again to go on')
    expect(await usable()).toEqual(['tiny'])
    expect((await ask()).body.status).toBe('downloading')
    await pull()
    expect((await get()).status).toBe('ready')
    const sent = hub.cdn.reduce((sum, part) => sum + part.sent, 0)
    const large = Object.values(files).filter(({ length }) => length > 10_000)
    expect(sent).toBe(large.reduce((sum, { length }) => sum + length, 0))
  })

  test('that is stopped goes on after a restart', async () => {
    await ask()
    const controller = new AbortController()
    hub.stalls.set('model.safetensors', [30_000])
    const stopped = pull([60_000], controller.signal)
    await expect.poll(partOfWeights).toBe(30_000)
    controller.abort()
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    expect((await get()).status).toBe('downloading')
    expect(await usable()).toEqual(['tiny'])
    await pull()
    expect((await get()).status).toBe('ready')
    expect(hub.cdn.at(-1)!.range).toMatch(/^bytes=30000-/)
  })

  test.each(['model.safetensors', 'tokenizer_config.json'])(
    'whose %s is not what the hub says is refused, and nothing of it is listed',
    async (name) => {
      await ask()
      hub.corrupt.add(name)
      await pull()
      const { status, error } = await get()
      expect([status, error!.code]).toEqual(['failed', 'wrong_hash'])
      expect(error!.message).toContain(`${name} is not the file that the hub describes`)
      expect(await usable()).toEqual(['tiny'])
      expect(await store.list('base_models')).toEqual([])
      expect((await parts()).has(name)).toBe(false)
      hub.corrupt.clear()
      await ask()
      await pull()
      expect(await usable()).toEqual(['tiny', repository])
    },
  )

  test('shows its token to the hub, and not to where large files lie', async () => {
    hub.token = 'mirror-secret' // not every hub's tokens begin with hf_
    await ask({ endpoint: undefined })
    await pull([1], never, { token: hub.token! })
    expect((await get()).status).toBe('ready')
    expect(hub.asked.every(({ authorization }) => authorization === `Bearer ${hub.token}`)).toBe(true)
    expect(hub.cdn.length).toBeGreaterThan(0)
    expect(hub.cdn.every(({ authorization }) => authorization === undefined)).toBe(true)
  })

  test('whose token is refused tells the token to nobody', async () => {
    hub.token = 'right-secret'
    await ask({ endpoint: undefined })
    await pull([], never, { token: 'wrong-secret' })
    const model = await get()
    expect(model.error!.code).toBe('not_allowed')
    expect(logged.join()).toContain('pull failed')
    expect(JSON.stringify(model) + logged.join()).not.toContain('secret')
  })

  test('shows no token to another hub than its own', async () => {
    await ask()
    await pull([], never, { endpoint: 'http://127.0.0.1:9', token: 'hf_secret' })
    expect((await get()).status).toBe('ready')
    expect(hub.asked.every(({ authorization }) => authorization === undefined)).toBe(true)
  })

  test.each([
    ['a hub that wants a token', 'not_allowed', async () => void Object.assign(hub, { token: 'hf_secret' })],
    [
      'a repository with terms to accept',
      'not_allowed',
      async () => void Object.assign(hub, { gated: true }),
    ],
    ['a hub that is not there', 'connection', () => hub.close()],
  ])('from %s says so', async (_, code, prepare) => {
    await ask()
    await prepare()
    await pull([])
    const { status, error } = await get()
    expect([status, error!.code]).toEqual(['failed', code])
  })

  test('of another architecture is refused before its weights are fetched', async () => {
    await hub.close()
    const config = new TextEncoder().encode('{"model_type": "mamba"}')
    hub = await startHub(repository, { ...files, 'config.json': config })
    await ask()
    await pull()
    const { error } = await get()
    expect(error).toMatchObject({ code: 'unsupported_model' })
    expect(error!.message).toMatch(/^config.json: model_type "mamba" is not known/)
    expect(hub.cdn).toEqual([])
    expect(await readdir(downloads)).toEqual([])
  })

  test('of what is no model says what is missing', async () => {
    await hub.close()
    hub = await startHub(repository, { 'README.md': new Uint8Array(3) })
    await ask()
    await pull()
    expect((await get()).error!.message).toContain('it needs config.json and weights')
  })

  test('that runs already is joined; one that is there is not replaced', async () => {
    await ask()
    expect((await ask()).body.status).toBe('downloading')
    expect(await ask({ revision: 'other' })).toMatchObject({ status: 409 })
    await pull()
    const again = await ask()
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
    expect(again.body.error.message).toContain('it is there already')
  })

  test('that is deleted meanwhile leaves nothing', async () => {
    await ask()
    hub.stalls.set('model.safetensors', [30_000])
    const pulling = pull([1])
    await expect.poll(partOfWeights).toBe(30_000)
    expect((await call('DELETE', `/v1/base_models/${encodeURIComponent(repository)}`)).status).toBe(200)
    hub.drop()
    await pulling
    expect(await usable()).toEqual(['tiny'])
    expect(await readdir(downloads)).toEqual([])
  })

  test('that a worker lost is left to the one that took it, whose files stay whole', async () => {
    await ask()
    const stale = (await claimPull(db, 0))!
    hub.stalls.set('model.safetensors', [30_000])
    const deps = { db, store, log, downloads, hub: { endpoint: hub.endpoint, token: undefined }, waits: [1] }
    const lost = pullModel(deps, stale, never)
    await expect.poll(partOfWeights).toBe(30_000)
    const ours = pull()
    await expect.poll(async () => (await get()).status).toBe('ready')
    hub.drop()
    await Promise.all([lost, ours])
    const [row] = await db.select().from(baseModelTable)
    expect(row).toMatchObject({ status: 'ready', attempt: 2, objectKey: `${stale.objectKey}/2` })
    const objects = (await Array.fromAsync(store.walk(stale.objectKey))).map(({ key }) => key)
    expect(objects.sort()).toEqual(
      Object.keys(files)
        .map((name) => `${row!.objectKey}/${name}`)
        .sort(),
    )
    const directory = await store.directory(row!.objectKey)
    for (const [name, content] of Object.entries(files))
      expect(Buffer.compare(await readFile(join(directory, name)), content)).toBe(0)
    expect(await readdir(downloads)).toEqual([])
  })

  const partOfWeights = async () => (await parts()).get('model.safetensors')

  /** Breaks the connection when so many bytes of the weights have arrived. */
  async function breakAt(bytes: number): Promise<void> {
    await expect.poll(partOfWeights).toBe(bytes)
    hub.drop()
  }

  /** The sizes of the parts of files that lie in the downloads. */
  async function parts(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>()
    for (const directory of await readdir(downloads).catch(() => []))
      for (const name of await readdir(join(downloads, directory)))
        sizes.set(name, (await stat(join(downloads, directory, name))).size)
    return sizes
  }
})

describe('a directory', () => {
  const add = (body: object = {}) => call('POST', '/v1/base_models', { path: join(root, 'local'), ...body })

  test('is added where it lies: its files are the same on the disk', async () => {
    const { status, body } = await add({ id: 'my/model' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ id: 'my/model', status: 'ready', origin: 'path' })
    const directory = await (await bases.find('my/model'))!.directory()
    const [there, here] = [directory, join(root, 'local')].map((at) => stat(join(at, 'model.safetensors')))
    expect((await there!).ino).toBe((await here!).ino)
    expect(body.files.find(({ name }) => name === 'model.safetensors')!.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect((await add({ id: 'my/model' })).status).toBe(409)
  })

  test.each([
    ['that is not there', { path: '/no/such/place' }, 'no such directory'],
    ['that is no path', { path: 'models' }, 'expected an absolute path'],
    ['without a model', { path: '/tmp' }, 'config.json does not exist'],
    ['and a repository', { path: '/tmp', source: 'a/b' }, 'give either source'],
    ['under a name that ships', { id: 'tiny' }, 'it ships with the server'],
    ['under a name that is none', { id: '../up' }, 'expected a name'],
  ])('%s is refused', async (_, body, message) => {
    const refused = await add(body)
    expect([400, 409]).toContain(refused.status)
    expect(refused.body.error.message).toContain(message)
    expect(await usable()).toEqual(['tiny'])
  })

  test('whose weights are not those of its config is refused by tensor and shapes', async () => {
    const wrong = join(root, 'wrong')
    await mkdir(wrong, { recursive: true })
    for (const [name, content] of Object.entries(files)) await writeFile(join(wrong, name), content)
    const config = JSON.parse(new TextDecoder().decode(files['config.json'])) as object
    await writeFile(join(wrong, 'config.json'), JSON.stringify({ ...config, vocab_size: 400 }))
    expect((await add({ path: wrong })).body.error.message).toMatch(/embed_tokens.*\[321, 32\].*\[400, 32\]/)
  })
})

describe('deleting', () => {
  const remove = (id: string, query = '') => call('DELETE', `/v1/base_models/${id}${query}`)

  test('takes row and files away', async () => {
    await call('POST', '/v1/base_models', { path: join(root, 'local'), id: 'gone' })
    const directory = await (await bases.find('gone'))!.directory()
    expect(await remove('gone')).toMatchObject({ status: 200, body: { deleted: true } })
    await expect(readdir(directory)).rejects.toThrow('ENOENT')
    expect(await usable()).toEqual(['tiny'])
    expect((await remove('gone')).status).toBe(404)
  })

  test('is refused while tuned models need it, with their number, unless it is forced', async () => {
    await call('POST', '/v1/base_models', { path: join(root, 'local'), id: 'who/needed' })
    await db.insert(adapters).values({
      project: firstProject,
      model: 'ft:who/needed::1',
      base: 'who/needed',
      peftType: 'LORA',
      objectKey: 'a/1',
    })
    const refused = await remove('who/needed')
    expect(refused.status).toBe(409)
    expect(refused.body.error.message).toContain('0 unfinished jobs and 1 tuned models')
    expect((await remove('who/needed', '?force=true')).status).toBe(200)
  })

  test.each(['queued', 'paused'] as const)('is refused while a job that is %s needs it', async (status) => {
    await call('POST', '/v1/base_models', { path: join(root, 'local'), id: 'who/needed' })
    const hyperparameters = { n_epochs: 1, batch_size: 1, learning_rate_multiplier: 1 }
    const settings = { hyperparameters, peft: Peft.parse({}), trainingArgs: args, seed: 1 }
    const job = {
      id: newId('job'),
      project: firstProject,
      model: 'who/needed',
      trainingFile: 'file-1',
      status,
    }
    await db.insert(jobs).values({ ...job, ...settings })
    const refused = await remove('who/needed')
    expect(refused.status).toBe(409)
    expect(refused.body.error.message).toContain('1 unfinished jobs and 0 tuned models')
    await db.delete(jobs)
    expect((await remove('who/needed')).status).toBe(200)
  })

  test('is refused for a model that ships', async () => {
    expect(await remove('tiny')).toMatchObject({ status: 400 })
    expect(await get('tiny')).toMatchObject({ origin: 'shipped', status: 'ready' })
  })
})
