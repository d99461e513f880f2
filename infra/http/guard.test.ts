import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import type { Scope } from '../../contract/access.ts'
import { firstProject } from '../access/caller.ts'
import { hashOf, newKey, prefixOf } from '../access/key.ts'
import { whereToListen } from '../access/where-to-listen.ts'
import { apiKeys, auditLog, projects } from '../db/tables/index.ts'
import { testDatabase } from '../db/testing.ts'
import { createLog } from '../log.ts'
import { createHttpApp } from './app.ts'
import { streamEvents } from './sse.ts'
import { answerStream } from './stream.ts'

const { db, close } = await testDatabase()
afterAll(close)
const lines: string[] = []
const log = createLog({ name: 'test', level: 'info' }, { write: (line) => lines.push(line) })
const app = createHttpApp({ db, name: 'test', version: '0', log })
app.get('/v1/files', (c) => c.json(c.var.caller.project))
app.post('/v1/files', (c) => c.json({ id: 'file-1' }, 200))
app.delete('/v1/files/:id', (c) => c.json({}))
app.post('/v1/base_models', (c) => c.json({}))
app.get('/v1/organization/projects', (c) => c.json({}))
const finish: (() => void)[] = []
app.post('/v1/chat/completions', (c) =>
  streamEvents(
    c,
    (async function* () {
      yield 1
      await new Promise<void>((resolve) => finish.push(resolve))
    })(),
    { onDisconnect() {}, onError() {} },
  ),
)

app.get('/v1/files/:id/content', (c) => {
  let pulls = 0
  const content = new ReadableStream({
    pull(controller) {
      if (pulls++ === 0) return controller.enqueue(Buffer.from('bytes'))
      if (c.req.param('id') === 'broken') throw new Error('the disk is gone')
      controller.close()
    },
  })
  return answerStream(c, content, 200, {})
})

type Row = Partial<typeof apiKeys.$inferInsert>

async function keyWith(row: Row = {}): Promise<string> {
  const key = newKey()
  const scopes: Scope[] = ['read', 'write', 'serve', 'admin']
  const names = { name: 'k', hash: hashOf(key), prefix: prefixOf(key) }
  await db.insert(apiKeys).values({ project: firstProject, scopes, ...names, ...row })
  return key
}
async function ask(key: string | undefined, path = '/v1/files', method = 'GET') {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }
  const response = await app.request(path, { method, headers })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const statusOf = async (...args: Parameters<typeof ask>) => (await ask(...args)).status

beforeEach(async () => {
  await db.delete(apiKeys)
  await db.delete(auditLog)
  lines.length = 0
})

test('without keys whoever comes may do everything, whatever key they bring', async () => {
  for (const key of [undefined, 'none'])
    for (const path of ['/v1/files', '/v1/organization/projects', '/metrics'])
      expect(await statusOf(key, path)).toBe(200)
})

test('from the first key on only keys come in, also when it is revoked', async () => {
  const key = await keyWith()
  expect([await statusOf(key), await statusOf(undefined), await statusOf('none')]).toEqual([200, 401, 401])
  await db.update(apiKeys).set({ revokedAt: sql`now()` })
  expect([await statusOf(key), await statusOf(undefined)]).toEqual([401, 401])
  const { text } = await ask(key)
  expect(JSON.parse(text).error).toMatchObject({ code: 'invalid_api_key', type: 'invalid_request_error' })
  expect(text + lines.join()).not.toContain(key)
})

test('health and the description are open to all; metrics are for operators', async () => {
  const key = await keyWith({ scopes: ['read', 'write', 'serve'] })
  for (const path of ['/healthz', '/readyz', '/openapi.json'])
    expect(await statusOf(undefined, path)).toBe(200)
  expect([await statusOf(undefined, '/metrics'), await statusOf(key, '/metrics')]).toEqual([401, 403])
  expect(await statusOf(undefined, '/nowhere')).toBe(401)
})

test('a key ends when its time is over, and with its project', async () => {
  const past = await keyWith({ expiresAt: new Date(Date.now() - 1000) })
  const future = await keyWith({ expiresAt: new Date(Date.now() + 60_000) })
  const [project] = await db.insert(projects).values({ name: 'closed' }).returning()
  const closed = await keyWith({ project: project!.id })
  expect(await Promise.all([past, future, closed].map((key) => statusOf(key)))).toEqual([401, 200, 200])
  await db.update(projects).set({ archivedAt: sql`now()` }).where(sql`${projects.id} = ${project!.id}`)
  expect(await statusOf(closed)).toBe(401)
})

test.each<[Scope[], number[]]>([
  [['read'], [200, 403, 403, 403, 403, 403]],
  [['write'], [403, 200, 200, 403, 403, 403]],
  [
    ['read', 'write', 'serve'],
    [200, 200, 200, 403, 403, 403],
  ],
  [['admin'], [403, 403, 403, 200, 200, 200]],
])('a key of scopes %j gets %j', async (scopes, statuses) => {
  const key = await keyWith({ scopes })
  const asked = [
    ...[
      ['GET', '/v1/files'] as const,
      ['POST', '/v1/files'] as const,
      ['DELETE', '/v1/files/file-1'] as const,
    ],
    ...[
      ['GET', '/metrics'] as const,
      ['GET', '/v1/organization/projects'] as const,
      ['POST', '/v1/base_models'] as const,
    ],
  ]
  const found: number[] = []
  for (const [method, path] of asked) found.push(await statusOf(key, path, method))
  expect(found).toEqual(statuses)
})

test('base models and metrics are for the admins of the first project; a request has the project of its key', async () => {
  const [project] = await db.insert(projects).values({ name: 'other' }).returning()
  const [own, other] = [await keyWith(), await keyWith({ project: project!.id })]
  expect(JSON.parse((await ask(own)).text)).toBe(firstProject)
  expect(JSON.parse((await ask(other)).text)).toBe(project!.id)
  for (const [path, method] of [
    ['/metrics', 'GET'],
    ['/v1/base_models', 'POST'],
  ])
    expect([await statusOf(own, path, method), await statusOf(other, path, method)]).toEqual([200, 403])
})

test('a key has its requests a minute, tells what is left, and says when to come back', async () => {
  const key = await keyWith({ requestsPerMinute: 3 })
  const free = await keyWith()
  const answers: Awaited<ReturnType<typeof ask>>[] = []
  for (let i = 0; i < 5; i++) answers.push(await ask(key))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429])
  const told = (name: string) => answers.map(({ headers }) => headers.get(name))
  expect(told('x-ratelimit-limit-requests')).toEqual(Array(5).fill('3'))
  expect(told('x-ratelimit-remaining-requests')).toEqual(['2', '1', '0', '0', '0'])
  expect(answers[4]!.headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+s$/)
  expect(Number(answers[4]!.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(JSON.parse(answers[4]!.text).error).toMatchObject({
    code: 'rate_limit_exceeded',
    type: 'rate_limit_error',
  })
  const { status, headers } = await ask(free)
  expect([status, headers.get('x-ratelimit-limit-requests')]).toEqual([200, null])
})

test('a stream counts until it has ended, and a refused request not at all', async () => {
  const key = await keyWith({ concurrentRequests: 2 })
  const headers = { authorization: `Bearer ${key}` }
  const begin = () => app.request('/v1/chat/completions', { method: 'POST', headers })
  const streams = [await begin(), await begin()]
  const third = await begin()
  expect([...streams, third].map(({ status }) => status)).toEqual([200, 200, 429])
  expect(third.headers.get('retry-after')).toBe('1')
  const read = streams.map((stream) => stream.text())
  await expect.poll(() => finish.length).toBe(2)
  for (const end of finish) end()
  await Promise.all(read)
  await sleep(0)
  expect(await statusOf(key)).toBe(200)
})

test.each([
  ['was read to its end', 'whole', 'GET', (answer: Response) => answer.text()],
  ['has broken off', 'broken', 'GET', (answer: Response) => answer.text().catch(() => {})],
  ['was left by its client', 'whole', 'GET', (answer: Response) => answer.body!.cancel()],
  ['was asked for by HEAD, which reads nothing', 'whole', 'HEAD', async () => {}],
])('a download counts until it %s', async (_, id, method, end) => {
  const key = await keyWith({ concurrentRequests: 1 })
  const headers = { authorization: `Bearer ${key}` }
  const answer = await app.request(`/v1/files/${id}/content`, { method, headers })
  // Until then it is not in the log either.
  if (method === 'GET') expect([await statusOf(key), lines.length]).toEqual([429, 1])
  await end(answer)
  await sleep(0)
  expect(await statusOf(key)).toBe(200)
})

test('the audit log has what was changed or refused, and nothing else', async () => {
  const key = await keyWith({ scopes: ['read', 'write', 'serve'] })
  const requests = [
    ['GET', '/v1/files'],
    ['POST', '/v1/files'],
    ['DELETE', '/v1/files/file-9'],
    ['GET', '/metrics'],
  ]
  for (const [method, path] of requests) await ask(key, path, method)
  await ask('wrong', '/v1/files', 'POST')
  const [row] = await db.select().from(apiKeys)
  const by = { project: firstProject, keyId: row!.id, requestId: expect.any(String) }
  expect(await db.select().from(auditLog).orderBy(auditLog.createdAt)).toMatchObject([
    { ...by, method: 'POST', route: '/v1/files', subject: 'file-1', status: 200 },
    { ...by, method: 'DELETE', route: '/v1/files/:id', subject: 'file-9', status: 200 },
    { ...by, method: 'GET', route: '/metrics', status: 403 },
  ])
  expect(row!.lastUsedAt).not.toBeNull()
})

test.each([
  ['http://localhost:8080', undefined, 200],
  ['http://127.0.0.1:8080', 'http://localhost:3000', 200],
  ['http://[::1]:8080', undefined, 200],
  ['http://preamble.localhost', undefined, 200],
  ['http://rebound.example', undefined, 403],
  ['http://127.0.0.1.example', undefined, 403],
  ['http://localhost:8080', 'https://page.example', 403],
  ['http://localhost:8080', 'null', 403],
])('without keys a request to %s from a page of %s is answered %i', async (url, origin, status) => {
  const headers: Record<string, string> = origin === undefined ? {} : { origin }
  expect((await app.request(`${url}/v1/files`, { headers })).status).toBe(status)
  const key = await keyWith()
  const opened = await app.request(`${url}/v1/files`, {
    headers: { ...headers, authorization: `Bearer ${key}` },
  })
  expect(opened.status).toBe(200)
})

test('without keys a server listens on loopback only and says so', async () => {
  const wide = { host: '0.0.0.0', port: 80 }
  expect(await whereToListen(db, wide, log)).toEqual({ host: '127.0.0.1', port: 80 })
  expect(JSON.parse(lines[0]!)).toMatchObject({
    asked: '0.0.0.0',
    msg: expect.stringContaining('no API keys'),
  })
  expect(await whereToListen(db, { host: '::1', port: 80 }, log)).toEqual({ host: '::1', port: 80 })
  await keyWith()
  expect(await whereToListen(db, wide, log)).toEqual(wide)
})
