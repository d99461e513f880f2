import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { sql } from 'drizzle-orm'
import OpenAI, { NotFoundError, toFile } from 'openai'
import request from 'supertest'
import { afterAll, expect, test } from 'vitest'
import { newId } from '../../contract/ids.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { files, webhookEndpoints, webhookEvents } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import type { Store } from '../../infra/store/store.ts'
import { createApp } from './app.ts'

const database = await testDatabase()
const root = await mkdtemp(join(tmpdir(), 'preamble-ingest-'))
const disk = diskStore(root)
/** Told of every chunk that reaches the disk store. */
let onChunk = (_bytes: number) => {}
const store: Store = {
  ...disk,
  put: (key, content) =>
    disk.put(
      key,
      (async function* () {
        for await (const chunk of content) {
          onChunk(chunk.length)
          yield chunk
        }
      })(),
    ),
}
const maxFileBytes = 8 * 2 ** 20
const limits = { maxFileBytes, maxUploadBytes: 2 * maxFileBytes }
const log = createLog({ name: 'test', level: 'silent' })
const server = await listen(createApp({ db: database.db, store, log, version: '0', ...limits }), {
  host: '127.0.0.1',
  port: 0,
})
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
afterAll(async () => {
  await server.close()
  await database.close()
  await rm(root, { recursive: true })
})

const objects = async () =>
  (await readdir(root, { recursive: true, withFileTypes: true })).filter((e) => e.isFile())
const upload = async (content: string | Uint8Array, name = 'corpus.txt') =>
  openai.files.create({ file: await toFile(Buffer.from(content), name), purpose: 'fine-tune' })

test('a file comes back as it was sent, with its hash and encoding', async () => {
  const content = '感冒了怎么办？\r\n多喝水。\r\n'
  const file = await upload(content, '问答 1.txt')
  expect(file).toMatchObject({
    object: 'file',
    filename: '问答 1.txt',
    purpose: 'fine-tune',
    bytes: Buffer.byteLength(content),
    status: 'processed',
    sha256: createHash('sha256').update(content).digest('hex'),
    encoding: 'utf-8',
  })
  expect(await openai.files.retrieve(file.id)).toEqual(file)
  expect(await (await openai.files.content(file.id)).text()).toBe(content)
})

test('a range of a file is answered as HTTP has it', async () => {
  const { id } = await upload('0123456789')
  const ask = async (range: string) => {
    const response = await fetch(`${server.url}/v1/files/${id}/content`, { headers: { range } })
    const text = await response.text()
    const { status, headers } = response
    return [status, status === 416 ? JSON.parse(text).error.code : text, headers.get('content-range')]
  }
  expect(await ask('bytes=0-0')).toEqual([206, '0', 'bytes 0-0/10'])
  expect(await ask('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
  expect(await ask('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10'])
  expect(await ask('bytes=2-100')).toEqual([206, '23456789', 'bytes 2-9/10'])
  expect(await ask('bytes=-100')).toEqual([206, '0123456789', 'bytes 0-9/10'])
  for (const none of ['bytes=10-', 'bytes=-0'])
    expect(await ask(none)).toEqual([416, 'range_not_satisfiable', 'bytes */10'])
  // Not heeded: what is no range, and more than one.
  for (const other of ['lines=1-2', 'bytes=5-2', 'bytes=0-1,3-4', 'bytes=-'])
    expect(await ask(other)).toEqual([200, '0123456789', null])
})

test('the list is newest first, in pages, and by purpose', async () => {
  const ids = []
  for (const name of ['a', 'b', 'c']) ids.unshift((await upload(name, `${name}.txt`)).id)
  const page = await openai.files.list({ limit: 2 })
  expect(page.data.map((f) => f.id)).toEqual(ids.slice(0, 2))
  expect(page.hasNextPage()).toBe(true)
  expect((await page.getNextPage()).data[0]?.id).toBe(ids[2])
  expect((await openai.files.list({ purpose: 'batch' })).data).toEqual([])
  await expect(openai.files.list({ after: 'file-none' })).rejects.toThrow('after')
})

test('a file expires when it was told to, and is gone for all at once', async () => {
  const file = await openai.files.create({
    ...{ file: await toFile(Buffer.from('x'), 'a.txt'), purpose: 'fine-tune' as const },
    expires_after: { anchor: 'created_at', seconds: 3600 },
  })
  expect(file.expires_at! - file.created_at).toBe(3600)
  expect(await openai.files.retrieve(file.id)).toEqual(file)
  await database.db.update(files).set({ expiresAt: sql`now()` }).where(sql`id = ${file.id}`)
  await expect(openai.files.retrieve(file.id)).rejects.toThrow(NotFoundError)
  await expect(openai.files.content(file.id)).rejects.toThrow(NotFoundError)
  await expect(openai.files.delete(file.id)).rejects.toThrow(NotFoundError)
  expect((await openai.files.list()).data.map(({ id }) => id)).not.toContain(file.id)
  await expect(openai.files.list({ after: file.id })).rejects.toThrow('after')
})

test('when a file expires may be told as JSON, which is how OpenAPI puts objects into forms', async () => {
  const { body } = await request(server.url)
    .post('/v1/files')
    .field({ purpose: 'fine-tune', expires_after: '{"anchor": "created_at", "seconds": 3600}' })
    .attach('file', Buffer.from('x'), 'a.txt')
  expect(body.expires_at - body.created_at).toBe(3600)
})

test('a deleted file is gone, its bytes too', async () => {
  const before = (await objects()).length
  const { id } = await upload('x')
  expect(await openai.files.delete(id)).toEqual({ id, object: 'file', deleted: true })
  await expect(openai.files.retrieve(id)).rejects.toThrow(NotFoundError)
  await expect(openai.files.content(id)).rejects.toThrow(NotFoundError)
  await expect(openai.files.delete(id)).rejects.toThrow(NotFoundError)
  expect((await objects()).length).toBe(before)
})

test('an upload reaches the store while it is still being sent', async () => {
  let arrived = 0
  onChunk = (bytes) => {
    arrived += bytes
  }
  const boundary = 'x'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="big.txt"\r\n\r\n`
  const chunk = 'line\n'.repeat(20_000) // 100 kB
  async function* body() {
    yield Buffer.from(head)
    for (let i = 0; i < 40; i++) {
      yield Buffer.from(chunk)
      // The next chunk is sent only when an earlier one has reached the store.
      while (arrived < i * chunk.length - 1_000_000) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    yield Buffer.from(`\r\n--${boundary}--\r\n`)
  }
  const response = await fetch(`${server.url}/v1/files`, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Readable.toWeb(Readable.from(body())) as BodyInit,
    duplex: 'half',
  } as RequestInit)
  expect(await response.json()).toMatchObject({ bytes: 40 * chunk.length, filename: 'big.txt' })
  expect(arrived).toBe(40 * chunk.length)
})

test('a file that is too large is refused with the limit, and nothing of it is left', async () => {
  const before = (await objects()).length
  await expect(upload(randomBytes(maxFileBytes + 1))).rejects.toMatchObject({
    status: 413,
    code: 'file_too_large',
    message: expect.stringContaining(String(maxFileBytes)),
  })
  expect((await objects()).length).toBe(before)
  expect((await upload(randomBytes(maxFileBytes))).bytes).toBe(maxFileBytes)
})

test('a form that is not as it should be is answered in OpenAI’s words, and nothing is left', async () => {
  const before = (await objects()).length
  const post = () => request(server.url).post('/v1/files')
  const expiring = (anchor: string, seconds: string) =>
    post()
      .field({ purpose: 'fine-tune', 'expires_after[anchor]': anchor, 'expires_after[seconds]': seconds })
      .attach('file', Buffer.from('x'), 'a.txt')
  const whole = (json: string) =>
    post().field({ purpose: 'fine-tune', expires_after: json }).attach('file', Buffer.from('x'), 'a.txt')
  const bad = [
    [post().field('purpose', 'fine-tune'), 'file'],
    [post().attach('file', Buffer.from('x'), 'a.txt'), 'purpose'],
    [post().field('purpose', 'fun').attach('file', Buffer.from('x'), 'a.txt'), 'purpose'],
    [post().field('purpose', 'fine-tune').attach('file', Buffer.from(''), 'a.txt'), 'file'],
    [expiring('created_at', '3599'), 'expires_after.seconds'],
    [expiring('created_at', '2592001'), 'expires_after.seconds'],
    [expiring('created_at', 'soon'), 'expires_after.seconds'],
    [expiring('later', '3600'), 'expires_after.anchor'],
    [expiring('created_at', '3600').field('expires_after[minutes]', '60'), 'expires_after.minutes'],
    [expiring('created_at', '3600').field('note', 'x'), 'note'],
    [whole('{"anchor": "created_at", "seconds": 3599}'), 'expires_after.seconds'],
    [whole('{"anchor": "created_at"'), 'expires_after'],
    [expiring('created_at', '3600').field('note', 'a\0'), 'note'],
    [post().send({ purpose: 'fine-tune' }), null],
  ] as const
  for (const [sent, param] of bad) {
    const { status, body } = await sent
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param } },
    })
  }
  expect((await objects()).length).toBe(before)
})

test('health and the OpenAPI document answer', async () => {
  await request(server.url).get('/healthz').expect(200)
  const { body } = await request(server.url).get('/openapi.json').expect(200)
  expect(Object.keys(body.paths)).toEqual(
    expect.arrayContaining(['/v1/files', '/v1/files/{id}', '/v1/files/{id}/content']),
  )
})

test('a file that is refused is told to webhooks', async () => {
  const endpoint = { name: 'r', url: 'https://hooks.test/', eventTypes: ['preamble.file.rejected' as const] }
  await database.db
    .insert(webhookEndpoints)
    .values({ id: newId('webhookEndpoint'), ...endpoint, project: firstProject, secret: '' })
  await upload('你好\n再见\n')
  await expect(upload('')).rejects.toMatchObject({ status: 400 })
  expect(await database.db.select().from(webhookEvents)).toMatchObject([
    { type: 'preamble.file.rejected', subject: expect.stringMatching(/^file-/) },
  ])
})
