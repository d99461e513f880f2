/** Files that come in parts. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import OpenAI, { toFile } from 'openai'
import request from 'supertest'
import { afterAll, expect, test } from 'vitest'
import { connect as connectApi } from '../../cli/api/api.ts'
import { uploadFile } from '../../cli/api/upload.ts'
import { uploadParts, uploads } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import type { Store } from '../../infra/store/store.ts'
import { createApp } from './app.ts'

const MiB = 2 ** 20
const database = await testDatabase()
const root = await mkdtemp(join(tmpdir(), 'preamble-uploads-'))
const disk = diskStore(root)
/** Passed by each piece that is written to a file's object. */
let gate = async () => {}
const store: Store = {
  ...disk,
  async put(key, content) {
    if (!key.startsWith('files/')) return disk.put(key, content)
    async function* gated() {
      for await (const chunk of content) {
        await gate()
        yield chunk
      }
    }
    return disk.put(key, gated())
  },
}
const log = createLog({ name: 'test', level: 'silent' })
const limits = { maxFileBytes: 10, maxUploadBytes: 150 * MiB }
const deps = { db: database.db, store, log, version: '0', ...limits }
const server = await listen(createApp(deps), { host: '127.0.0.1', port: 0 })
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
afterAll(async () => {
  await server.close()
  await database.close()
  await rm(root, { recursive: true })
})

const objects = async () =>
  (await readdir(root, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => e.name)
const create = (bytes: number, more: object = {}) =>
  openai.uploads.create({
    filename: '问答.txt',
    purpose: 'fine-tune',
    bytes,
    mime_type: 'text/plain',
    ...more,
  })
const add = async (id: string, content: string | Uint8Array) =>
  (await openai.uploads.parts.create(id, { data: await toFile(Buffer.from(content), 'part') })).id
const complete = (id: string, part_ids: string[], md5?: string) =>
  openai.uploads.complete(id, { part_ids, md5 })
const text = '感冒了怎么办？\n多喝水。\n'
const md5 = (content: string) => createHash('md5').update(content).digest('hex')
const http = () => request(server.url)

test('a file comes in parts, at the same time and in any order, cut anywhere', async () => {
  const content = Buffer.from(text)
  const before = await objects()
  const upload = await create(content.length)
  expect(upload).toMatchObject({ object: 'upload', status: 'pending', bytes: content.length, file: null })
  expect(upload.expires_at - upload.created_at).toBe(3600)
  const cuts = [content.subarray(20), content.subarray(0, 1), content.subarray(1, 20)]
  const [last, first, middle] = await Promise.all(cuts.map((cut) => add(upload.id, cut)))
  const done = await complete(upload.id, [first!, middle!, last!], md5(text))
  expect(done).toMatchObject({ id: upload.id, status: 'completed' })
  expect(done.file).toMatchObject({
    object: 'file',
    filename: '问答.txt',
    purpose: 'fine-tune',
    bytes: content.length,
    sha256: createHash('sha256').update(text).digest('hex'),
    encoding: 'utf-8',
    expires_at: null,
  })
  const file = done.file!.id
  expect(await openai.files.retrieve(file)).toEqual(done.file)
  expect(await (await openai.files.content(file)).text()).toBe(text)
  expect(await objects()).toEqual([...before, file])
  expect(await database.db.select().from(uploadParts)).toEqual([])
})

test('the file of an upload expires as it was asked for', async () => {
  const { id } = await create(1, { expires_after: { anchor: 'created_at', seconds: 3600 } })
  const { file } = await complete(id, [await add(id, 'x')])
  expect(file!.expires_at! - file!.created_at).toBe(3600)
})

test('a part may have 64 MiB, and not a byte more', async () => {
  const upload = await create(64 * MiB)
  const whole = await add(upload.id, randomBytes(64 * MiB))
  const before = await objects()
  await expect(add(upload.id, randomBytes(64 * MiB + 1))).rejects.toMatchObject({
    ...{ status: 413, code: 'file_too_large', param: 'data' },
    message: expect.stringContaining(String(64 * MiB)),
  })
  expect(await objects()).toEqual(before)
  expect((await complete(upload.id, [whole])).file).toMatchObject({ bytes: 64 * MiB, encoding: null })
})

test('what the command line sends in parts arrives whole', async () => {
  const content = randomBytes(65 * MiB)
  const path = join(root, '.large.txt')
  await writeFile(path, content)
  const arrived: number[] = []
  const file = await uploadFile(connectApi(server.url), path, (done) => arrived.push(done))
  await rm(path)
  expect([arrived.length, arrived.at(-1)]).toEqual([2, 65 * MiB])
  expect(file).toMatchObject({
    filename: '.large.txt',
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  })
})

test('parts have no more bytes together than an upload may have', async () => {
  await expect(create(150 * MiB + 1)).rejects.toMatchObject({ status: 413, param: 'bytes' })
  const { id } = await create(150 * MiB)
  await add(id, Buffer.alloc(60 * MiB))
  await add(id, Buffer.alloc(60 * MiB))
  await expect(add(id, Buffer.alloc(60 * MiB))).rejects.toMatchObject({
    ...{ status: 413, message: expect.stringContaining(String(150 * MiB)) },
  })
  await openai.uploads.cancel(id)
})

test('parts that are not what was announced are refused, and may be completed otherwise then', async () => {
  const { id } = await create(4)
  const [ab, cd] = [await add(id, 'ab'), await add(id, 'cd')]
  const other = await create(2)
  const foreign = await add(other.id, 'ab')
  const refused = (ids: string[], hash?: string) =>
    complete(id, ids, hash).then(
      () => 'completed',
      ({ status, param, error }) => [status, param, error.message],
    )
  expect(await refused([ab])).toEqual([
    ...[400, 'part_ids', 'part_ids: the parts have 2 bytes together, and the upload was made for 4'],
  ])
  expect(await refused([ab, ab])).toEqual([400, 'part_ids[1]', `part_ids[1]: ${ab} is there twice`])
  expect(await refused([ab, foreign])).toEqual([
    ...[400, 'part_ids[1]', `part_ids[1]: the upload has no part ${foreign}`],
  ])
  const message = `md5: the parts have ${md5('cdab')} together, in this order, and not ${md5('abcd')}`
  expect(await refused([cd, ab], md5('abcd'))).toEqual([400, 'md5', message])
  expect((await complete(id, [ab, cd], md5('abcd').toUpperCase())).status).toBe('completed')
})

test('a cancelled, a completed and an expired upload can be used no more, and say so', async () => {
  const ended = {
    'was cancelled': (id: string) => openai.uploads.cancel(id),
    'is completed already': async (id: string) => {
      const { file } = await complete(id, [await add(id, 'x')])
      await openai.files.delete(file!.id) // else it is answered again
    },
    'has expired': (id: string) =>
      database.db.update(uploads).set({ expiresAt: sql`now()` }).where(sql`id = ${id}`),
  }
  for (const [state, end] of Object.entries(ended)) {
    const { id } = await create(1)
    const part = await add(id, 'x')
    await end(id)
    const uses = [() => add(id, 'x'), () => complete(id, [part]), () => openai.uploads.cancel(id)]
    for (const use of uses)
      await expect(use()).rejects.toMatchObject({
        ...{ status: 409, code: 'conflict', message: expect.stringContaining(`upload ${id} ${state}`) },
      })
    if (state !== 'has expired') expect(await disk.list(`uploads/${id}`)).toEqual([])
  }
})

test('of two requests that complete an upload one does', async () => {
  const { id } = await create(2)
  const parts = [await add(id, 'a'), await add(id, 'b')]
  const opened = Promise.withResolvers<void>()
  gate = () => opened.promise
  const first = complete(id, parts)
  const isHeld = async () => (await database.db.select().from(uploads).where(sql`id = ${id}`))[0]!.leaseUntil
  await expect.poll(isHeld).not.toBeNull()
  for (const use of [() => complete(id, parts), () => openai.uploads.cancel(id), () => add(id, 'c')])
    await expect(use()).rejects.toMatchObject({ status: 409, code: 'request_in_progress' })
  opened.resolve()
  expect((await first).status).toBe('completed')
})

test('a client that did not hear of its completed upload asks again and is answered the same', async () => {
  const { id } = await create(1)
  const part = await add(id, 'x')
  const done = await complete(id, [part])
  const before = await objects()
  expect(await complete(id, [part])).toEqual(done)
  expect(await objects()).toEqual(before)
  for (const use of [() => add(id, 'x'), () => openai.uploads.cancel(id)])
    await expect(use()).rejects.toMatchObject({ status: 409, code: 'conflict' })
})

test('a process that dies while it completes an upload leaves it to the next, and undoes nothing when it wakes', async () => {
  const { id } = await create(2)
  const parts = [await add(id, 'a'), await add(id, 'b')]
  const opened = Promise.withResolvers<void>()
  let entered = () => {}
  const inside = new Promise<void>((resolve) => {
    entered = resolve
  })
  gate = () => {
    entered()
    return opened.promise
  }
  const asleep = complete(id, parts)
  asleep.catch(() => {})
  await inside
  // As if its lease had run out.
  await database.db.update(uploads).set({ leaseUntil: sql`now()` }).where(sql`id = ${id}`)
  gate = async () => {}
  const { file } = await complete(id, parts)
  opened.resolve()
  await expect(asleep).rejects.toMatchObject({ status: 409, code: 'request_in_progress' })
  expect(await (await openai.files.content(file!.id)).text()).toBe('ab')
})

test('what fails while an upload is completed leaves it as it was', async () => {
  const { id } = await create(1)
  const part = await add(id, 'x')
  gate = async () => {
    throw new Error('no space left')
  }
  await expect(complete(id, [part])).rejects.toMatchObject({ status: 500 })
  gate = async () => {}
  expect((await complete(id, [part])).status).toBe('completed')
})

test('a part that was lost from storage is named', async () => {
  const { id } = await create(1)
  const part = await add(id, 'x')
  await disk.delete(`uploads/${id}/${part}`)
  await expect(complete(id, [part])).rejects.toMatchObject({
    ...{ status: 404, message: expect.stringContaining(part) },
  })
  expect((await complete(id, [await add(id, 'y')])).status).toBe('completed')
})

test('a client that hangs up amid a part leaves nothing behind', async () => {
  const { id } = await create(100)
  const before = await objects()
  const socket = connect(server.port, '127.0.0.1')
  const head = `--x\r\ncontent-disposition: form-data; name="data"; filename="p"\r\n\r\n`
  socket.write(
    `POST /v1/uploads/${id}/parts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10000000\r\ncontent-type: multipart/form-data; boundary=x\r\n\r\n${head}${'x'.repeat(200_000)}`,
  )
  await expect.poll(async () => (await objects()).length).toBe(before.length + 1)
  socket.destroy()
  await expect.poll(objects).toEqual(before)
  expect(await database.db.select().from(uploadParts).where(sql`upload_id = ${id}`)).toEqual([])
})

test('requests that are not as they should be are answered in OpenAI’s words', async () => {
  const good = { filename: 'a', purpose: 'fine-tune', bytes: 1, mime_type: 'text/plain' }
  const wrong: [object, string][] = [
    [{ ...good, bytes: 0 }, 'bytes'],
    [{ ...good, bytes: '1' }, 'bytes'],
    [{ ...good, purpose: 'fun' }, 'purpose'],
    [{ ...good, filename: '' }, 'filename'],
    [{ ...good, more: 1 }, 'more'],
    [{ ...good, expires_after: { anchor: 'created_at', seconds: 3599 } }, 'expires_after.seconds'],
    [{ ...good, expires_after: { anchor: 'later', seconds: 3600 } }, 'expires_after.anchor'],
  ]
  const answers = (param: string) => ({ error: { type: 'invalid_request_error', param } })
  for (const [sent, param] of wrong)
    expect((await http().post('/v1/uploads').send(sent).expect(400)).body).toMatchObject(answers(param))
  const { id } = await create(1)
  const at = `/v1/uploads/${id}`
  for (const sent of [
    http().post(`${at}/parts`).attach('file', Buffer.from('x'), 'a'),
    http().post(`${at}/parts`).attach('data', Buffer.from(''), 'a'),
    http().post(`${at}/parts`).field('data', 'x'),
  ])
    expect((await sent.expect(400)).body).toMatchObject(answers('data'))
  await http().post(`${at}/parts`).send({ data: 'x' }).expect(400)
  await http().post(`${at}/complete`).send({ part_ids: [] }).expect(400)
  await http()
    .post(`${at}/complete`)
    .send({ part_ids: ['a'], md5: 'x' })
    .expect(400)
  expect(await disk.list(`uploads/${id}`)).toEqual([])
  for (const [route, body] of [['complete', { part_ids: ['a'] }], ['cancel'], ['parts']] as const)
    await http().post(`/v1/uploads/upload_none/${route}`).send(body).expect(404)
  expect(await database.db.$count(uploads, eq(uploads.id, 'upload_none'))).toBe(0)
})
