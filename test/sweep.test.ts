/** Store and database after processes died between an object and its row, and after objects were lost. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../contract/ids.ts'
import { makeDataset } from '../corpus/make-dataset.ts'
import {
  adapters,
  baseModelTable,
  datasets,
  files,
  idempotencyKeys,
  jobs,
  uploadParts,
  uploads,
  webhookDeliveries,
  webhookEndpoints,
} from '../infra/db/tables/index.ts'
import { createLog } from '../infra/log.ts'
import { diskStore } from '../infra/store/disk.ts'
import { sweep } from '../infra/sweep/sweep.ts'
import { openModel } from '../services/infer/open-model.ts'
import { createApp as createIngest } from '../services/ingest/app.ts'
import { addDirectory } from '../services/models/add-directory.ts'
import { getJob, type JobId } from '../services/train/job.ts'
import { corpus, setUp } from '../services/train/train.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
let id: JobId
beforeAll(async () => {
  at = await setUp()
  id = (await at.create({ training_args: { save_steps: 2 } })).id as JobId
  await at.validate(id)
  await at.run(id)
})
beforeEach(async () => {
  await sweepNow() // of what a test before has left
})
afterAll(() => at.tearDown())

const sweepNow = () => sweep(at.deps, { graceMs: 0, now: new Date(Date.now() + 1000) })
const whole = { expired: [], removed: [], lost: [], healed: [] }
const objects = async () => {
  const areas = ['files', 'datasets', 'adapters', 'states', 'base_models'].map((area) =>
    Array.fromAsync(at.store.walk(area)),
  )
  return (await Promise.all(areas)).flat().map(({ key }) => key)
}

test('what rows name is left alone', async () => {
  const before = await objects()
  expect(before.length).toBeGreaterThan(8) // two files, a dataset, two models
  expect(await sweepNow()).toEqual(whole)
  expect(await objects()).toEqual(before)
})

test('objects that no row names are removed, once they are old enough to have no row to come', async () => {
  const before = await objects()
  const orphans = [
    `files/${newId('file')}`,
    `datasets/${newId('dataset')}/train.json`,
    `adapters/${id}/7/final/adapter_config.json`,
    `states/${id}/7-20/adapter_model.safetensors`,
    `uploads/${newId('upload')}/${newId('part')}`,
    `base_models/a/b/${crypto.randomUUID()}/config.json`,
  ]
  for (const key of [...orphans, 'elsewhere/a']) await at.store.putBytes(key, new Uint8Array(3))
  expect(await sweep(at.deps)).toEqual(whole)
  const day = 24 * 3_600_000
  expect(await sweep(at.deps, { now: new Date(Date.now() + day - 60_000) })).toEqual(whole)
  const swept = await sweep(at.deps, { now: new Date(Date.now() + day + 60_000) })
  expect(swept.removed.sort()).toEqual(orphans.sort())
  expect(await objects()).toEqual(before)
  expect(await at.store.exists('elsewhere/a')).toBe(true)
})

test('a row that comes while the store is looked at has lost nothing', async () => {
  const store = { ...at.store }
  let made: Awaited<ReturnType<typeof at.upload>> | undefined
  store.walk = async function* (key) {
    yield* at.store.walk(key)
    if (key === 'files') made ??= await at.upload(corpus)
  }
  expect(await sweep({ ...at.deps, store })).toEqual(whole)
  const [row] = await at.db.select().from(files).where(eq(files.id, made!))
  expect(row!.status).toBe('processed')
})

test('what was to stay for some time is removed after it, and parts of uploads that nobody completed', async () => {
  const [file, other] = [await at.upload(corpus), await at.upload(corpus)]
  const upload = newId('upload')
  const about = { filename: 'c.txt', purpose: 'fine-tune', bytes: 3, mimeType: 'text/plain' } as const
  await at.db.insert(uploads).values({ id: upload, project: at.project, ...about, expiresAt: sql`now()` })
  const part = newId('part')
  await at.db.insert(uploadParts).values({ id: part, uploadId: upload, bytes: 3 })
  await at.store.putBytes(`uploads/${upload}/${part}`, new Uint8Array(3))
  // The one that is being completed stays.
  const held = { leaseUntil: sql`now() + interval '10 seconds'` }
  await at.db.update(uploads).set(held)
  await at.db.update(files).set({ expiresAt: sql`now()` }).where(eq(files.id, file))
  expect(await sweepNow()).toEqual({ ...whole, expired: [`files/${file}`] })
  expect(await at.store.exists(`files/${file}`)).toBe(false)
  expect(await at.store.exists(`files/${other}`)).toBe(true)
  expect(await at.store.exists(`uploads/${upload}/${part}`)).toBe(true)
  await at.db.update(uploads).set({ leaseUntil: null })
  expect(await sweepNow()).toEqual({ ...whole, expired: [`uploads/${upload}`] })
  expect(await at.store.exists(`uploads/${upload}/${part}`)).toBe(false)
  expect(await at.db.select().from(uploads)).toMatchObject([{ status: 'expired' }])
})

test('answers to requests that may be sent again are forgotten after a day', async () => {
  const about = { project: at.project, fingerprint: '', leaseUntil: sql`now()` }
  const since = (hours: number) => sql`now() - ${hours} * interval '1 hour'`
  await at.db.insert(idempotencyKeys).values([
    { ...about, key: 'old', createdAt: since(25) },
    { ...about, key: 'young', createdAt: since(23) },
  ])
  expect(await sweepNow()).toEqual(whole)
  expect(await at.db.select().from(idempotencyKeys)).toMatchObject([{ key: 'young' }])
})

test('an expired file makes no dataset and no job', async () => {
  const file = await at.upload(corpus)
  await at.db.update(files).set({ expiresAt: sql`now()` }).where(eq(files.id, file))
  const split = { train: 1, shuffle: false, seed: 1 }
  await expect(makeDataset(at.own, { fileId: file, split })).rejects.toMatchObject({ code: 'not_found' })
  await expect(at.create({ training_file: file })).rejects.toMatchObject({ code: 'not_found' })
})

test('a file that was lost says so, gives no content and makes no dataset', async () => {
  const file = await at.upload(corpus)
  await at.store.delete(`files/${file}`)
  expect(await sweepNow()).toEqual({ ...whole, lost: [`files/${file}`] })
  expect(await sweepNow()).toEqual(whole)
  const ingest = createIngest({ ...at.deps, maxFileBytes: 1, maxUploadBytes: 1 })
  expect(await (await ingest.request(`/v1/files/${file}`)).json()).toMatchObject({ status: 'error' })
  const content = await ingest.request(`/v1/files/${file}/content`)
  expect(content.status).toBe(404)
  expect(await content.json()).toMatchObject({
    error: { message: `the content of file ${file} was lost; upload it again` },
  })
  const split = { train: 1, shuffle: false, seed: 1 }
  await expect(makeDataset(at.own, { fileId: file, split })).rejects.toMatchObject({ code: 'not_found' })
})

test('a file whose content is back is as it was', async () => {
  const file = await at.upload(corpus)
  const key = `files/${file}`
  const content = await at.store.bytes(key)
  await at.store.delete(key)
  expect((await sweepNow()).lost).toEqual([key])
  await at.store.putBytes(key, content.subarray(1))
  expect(await sweepNow()).toEqual(whole)
  await at.store.putBytes(key, content)
  expect(await sweepNow()).toEqual({ ...whole, healed: [key] })
  const [row] = await at.db.select().from(files).where(eq(files.id, file))
  expect(row!.status).toBe('processed')
})

test('a dataset that lost a file has failed, and webhooks are told', async () => {
  const endpoint = { id: newId('webhookEndpoint'), name: 'r', url: 'https://hooks.test/', secret: '' }
  await at.db
    .insert(webhookEndpoints)
    .values({ ...endpoint, project: at.project, eventTypes: ['preamble.dataset.failed'] })
  const split = { train: 0.5, shuffle: false, seed: 1 }
  const { id } = await makeDataset(at.own, { fileId: await at.upload(corpus), split })
  await at.store.delete(`datasets/${id}/dev.json`)
  expect(await sweepNow()).toEqual({ ...whole, lost: [`datasets/${id}`] })
  const [row] = await at.db.select().from(datasets).where(eq(datasets.id, id))
  expect(row).toMatchObject({ status: 'failed', error: { code: 'files_lost' } })
  expect(await at.db.select().from(webhookDeliveries)).toHaveLength(1)
})

test('a model that lost its files stays, its job says so once, and requests for it say so until they are back', async () => {
  const model = `${(await at.job(id)).fine_tuned_model}:ckpt-step-2`
  const [row] = await at.db.select().from(adapters).where(eq(adapters.model, model))
  const key = row!.objectKey
  const names = await at.store.list(key)
  const contents = await Promise.all(names.map((name) => at.store.bytes(`${key}/${name}`)))
  await at.store.delete(`${key}/adapter_model.safetensors`)
  expect(await sweepNow()).toEqual({ ...whole, lost: [key] })
  await at.store.delete(key)
  expect(await sweepNow()).toEqual({ ...whole, lost: [key] })
  expect(await at.db.select().from(adapters).where(eq(adapters.model, model))).toEqual([row])
  const message = `Files of ${model} were lost from storage; it cannot be used until they are back`
  const told = (await at.events(id)).filter((event) => event.message === message)
  expect(told).toMatchObject([{ level: 'error' }])
  await expect(openModel(at.own, model)).rejects.toMatchObject({
    code: 'model_not_found',
    message: expect.stringContaining('were lost from storage'),
  })
  for (const [i, name] of names.entries()) await at.store.putBytes(`${key}/${name}`, contents[i]!)
  expect(await sweepNow()).toEqual(whole)
  expect((await openModel(at.own, model)).adapter).toBe(await at.store.directory(key))
})

test('a model beside whose files others lie has lost nothing', async () => {
  const [row] = await at.db.select().from(adapters).where(eq(adapters.jobId, id))
  const stray = `${row!.objectKey}/stray`
  await at.store.putBytes(stray, new Uint8Array(1))
  expect(await sweepNow()).toEqual(whole)
  await at.store.delete(stray)
})

test('a job whose state was lost begins anew, and ends as if nothing had been', async () => {
  const training_file = (await at.job(id)).training_file
  const paused = (await at.create({ training_file })).id as JobId
  await at.validate(paused)
  const stop = new AbortController()
  stop.abort()
  await at.run(paused, stop.signal) // keeps its state at once
  const { stateKey } = await getJob(at, paused)
  expect(stateKey).not.toBeNull()
  const another = (await at.create({ training_file })).id as JobId // else none had a state, as if all were away
  await at.validate(another)
  await at.run(another, stop.signal)
  await at.store.delete(stateKey!)
  expect(await sweepNow()).toEqual({ ...whole, lost: [stateKey] })
  expect(await getJob(at, paused)).toMatchObject({ stateKey: null, stateStep: null, status: 'queued' })
  await at.run(paused)
  expect((await at.job(paused)).status).toBe('succeeded')
  expect(await at.metrics(paused)).toEqual(await at.metrics(id))
})

test('a base that lost a file can be used no more, until it is pulled again', async () => {
  const objectKey = 'base_models/mine/1'
  const list = await addDirectory(at.store, join(at.root, 'models', 'tiny'), objectKey)
  const row = { id: 'mine', status: 'ready', origin: 'hub', source: 'mine', files: list, objectKey } as const
  await at.db.insert(baseModelTable).values(row)
  expect(await sweepNow()).toEqual(whole)
  await at.store.putBytes(`${objectKey}/config.json`, new Uint8Array(1)) // cut
  expect((await sweepNow()).lost).toEqual([objectKey])
  const [failed] = await at.db.select().from(baseModelTable)
  expect(failed).toMatchObject({
    status: 'failed',
    error: { message: expect.stringContaining('pull it again') },
  })
  expect(await at.deps.bases.find('mine')).toBeUndefined()
})

test('a part of the store that is away is left alone, and so are its rows; the others are swept', async () => {
  const file = await at.upload(corpus)
  await at.store.delete(`files/${file}`)
  const orphan = `datasets/${newId('dataset')}/train.json`
  await at.store.putBytes(orphan, new Uint8Array(1))
  const before = await at.db.select().from(adapters)
  expect(before.length).toBeGreaterThan(0)
  const said: object[] = []
  const log = createLog({ name: 'test', level: 'error' }, { write: (line) => said.push(JSON.parse(line)) })
  const walk: typeof at.store.walk = async function* (key) {
    if (key === 'adapters') yield { key: 'adapters/of-somebody-else/a', bytes: 1, since: new Date(0) }
    else yield* at.store.walk(key)
  }
  const away = { ...at.deps, log, store: { ...at.store, walk } }
  const swept = await sweep(away, { now: new Date(Date.now() + 1000), graceMs: 0 })
  expect(swept).toEqual({ ...whole, removed: [orphan], lost: [`files/${file}`] })
  expect(said).toContainEqual(
    expect.objectContaining({ area: 'adapters', msg: expect.stringContaining('not swept') }),
  )
  expect(await at.db.select().from(adapters)).toEqual(before)
})

test('a store that is not the one of the database is left alone, and so are the rows', async () => {
  const other = diskStore(join(at.root, 'other'))
  await other.putBytes('files/of-somebody-else', new Uint8Array(1))
  await expect(sweep({ ...at.deps, store: other }, { graceMs: -1 })).rejects.toThrow(
    'do DATABASE_URL and STORAGE_URL belong together?',
  )
  expect(await other.exists('files/of-somebody-else')).toBe(true)
  expect(await at.db.$count(files, eq(files.status, 'processed'))).toBeGreaterThan(0)
  expect(await at.db.$count(jobs)).toBeGreaterThan(0)
})

test('ingest alone sweeps: what has expired goes also where nothing is trained', async () => {
  const file = await at.upload(corpus)
  await at.db.update(files).set({ expiresAt: sql`now()` }).where(eq(files.id, file))
  const env = {
    ...{ ...process.env, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'error', PREAMBLE_HOME: at.root },
    ...{ DATABASE_URL: at.url, STORAGE_URL: pathToFileURL(join(at.root, 'objects')).href },
  }
  const ingest = spawn(process.execPath, [join(import.meta.dirname, '../services/ingest/main.ts')], { env })
  const over = once(ingest, 'exit')
  try {
    await expect
      .poll(() => at.db.$count(files, eq(files.id, file)), { timeout: 20_000, interval: 50 })
      .toBe(0)
    await expect.poll(() => at.store.exists(`files/${file}`), { timeout: 5000 }).toBe(false)
  } finally {
    ingest.kill('SIGTERM')
    expect(await over).toEqual([0, null])
  }
})
