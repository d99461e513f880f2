import { createRoute, z } from '@hono/zod-openapi'
import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { ApiError } from '../../contract/errors.ts'
import { firstProject } from '../access/caller.ts'
import { hashOf, newKey, prefixOf } from '../access/key.ts'
import { apiKeys, idempotencyKeys, projects } from '../db/tables/index.ts'
import { testDatabase } from '../db/testing.ts'
import { createLog } from '../log.ts'
import { createHttpApp } from './app.ts'
import { errors } from './errors.ts'
import { keepIn } from './idempotency.ts'
import { json, jsonBody } from './json.ts'
import { claimRequest, keepAnswer, releaseClaim } from './kept-answers.ts'
import { streamEvents } from './sse.ts'

const { db, close } = await testDatabase()
afterAll(close)
const app = createHttpApp({
  ...{ db, name: 'test', version: '0' },
  log: createLog({ name: 'test', level: 'silent' }),
})

/** How often work was done. */
let done = 0
/** What the next work waits for. */
let gate: Promise<void> | undefined
let failure: ApiError | undefined
const create = createRoute({
  method: 'post',
  path: '/things',
  request: { body: jsonBody(z.object({ name: z.string() })) },
  responses: { 201: json('Made', z.object({ id: z.number(), name: z.string() })), ...errors(400) },
})
app.openapi(create, async (c) => {
  await gate
  if (failure) throw failure
  return c.json({ id: ++done, name: c.req.valid('json').name }, 201)
})
app.post('/secret', (c) => {
  c.set('secret', true)
  return c.json({ value: `secret-${++done}` })
})
app.post('/kept', async (c) => {
  await gate
  await db.transaction((tx) => keepIn(c)(tx, { id: ++done }))
  throw new Error('the connection was lost before it could be said that all is done')
})
app.post('/stream', (c) =>
  streamEvents(
    c,
    (async function* () {
      yield ++done
      await gate
      if (failure) throw failure
      yield 'end'
    })(),
    { onDisconnect() {}, onError() {} },
  ),
)
beforeEach(async () => {
  await db.delete(idempotencyKeys)
  await db.delete(apiKeys)
  done = 0
  gate = failure = undefined
})

async function post(path: string, key: string | undefined, body: object = { name: 'a' }, apiKey = 'none') {
  const headers = {
    ...{ 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  return app.request(path, { method: 'POST', body: JSON.stringify(body), headers })
}
const told = async (response: Promise<Response>) => {
  const { status, headers } = await response
  return { status, replayed: headers.get('idempotent-replayed'), text: await (await response).text() }
}

test('a request that is sent again is answered as the first time and done once', async () => {
  const first = await told(post('/things', 'k1'))
  expect(first).toEqual({ status: 201, replayed: null, text: '{"id":1,"name":"a"}' })
  expect(await told(post('/things', 'k1'))).toEqual({ ...first, replayed: 'true' })
  expect(JSON.parse((await told(post('/things', 'k2'))).text).id).toBe(2)
  expect(JSON.parse((await told(post('/things', undefined))).text).id).toBe(3)
})

test('a key stands for one request', async () => {
  await post('/things', 'k1')
  for (const other of [post('/things', 'k1', { name: 'b' }), post('/secret', 'k1')]) {
    const { status, text } = await told(other)
    expect([status, JSON.parse(text).error.param]).toEqual([400, 'idempotency-key'])
  }
  expect(done).toBe(1)
})

test.each(['', 'a b', 'k'.repeat(256)])('the key "%s" is refused', async (key) => {
  expect((await post('/things', key)).status).toBe(400)
  expect(done).toBe(0)
})

test('of two at the same time one is done, and the other told to come back', async () => {
  const open = Promise.withResolvers<void>()
  gate = open.promise
  const first = post('/things', 'k1')
  await expect.poll(async () => (await db.select().from(idempotencyKeys)).length).toBe(1)
  const second = await post('/things', 'k1')
  expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1'])
  expect(second.headers.get('x-should-retry')).not.toBe('false')
  expect((await second.json()).error.code).toBe('request_in_progress')
  open.resolve()
  expect((await first).status).toBe(201)
  expect(await told(post('/things', 'k1'))).toMatchObject({ status: 201, replayed: 'true' })
})

test('what failed may be tried again with the same key', async () => {
  failure = new ApiError('conflict', 'not now')
  expect((await post('/things', 'k1')).status).toBe(409)
  failure = undefined
  expect((await post('/things', 'k1')).status).toBe(201)
})

test('the work of a process that died is done by who asks next; the dead one keeps nothing', async () => {
  const open = Promise.withResolvers<void>()
  gate = open.promise
  const dead = post('/things', 'k1')
  await expect.poll(async () => (await db.select().from(idempotencyKeys)).length).toBe(1)
  await db.update(idempotencyKeys).set({ leaseUntil: sql`now() - interval '1 second'` })
  gate = undefined
  expect(await told(post('/things', 'k1'))).toMatchObject({ status: 201, text: '{"id":1,"name":"a"}' })
  open.resolve()
  expect(JSON.parse((await told(dead)).text).id).toBe(2)
  expect(JSON.parse((await told(post('/things', 'k1'))).text).id).toBe(1)
})

test('what was done as a whole with its answer is not done again, however it ended', async () => {
  expect((await post('/kept', 'k1')).status).toBe(500)
  expect(await told(post('/kept', 'k1'))).toEqual({ status: 200, replayed: 'true', text: '{"id":1}' })
})

test('who counts as dead cannot do as a whole what another one does', async () => {
  const open = Promise.withResolvers<void>()
  gate = open.promise
  const dead = post('/kept', 'k1')
  await expect.poll(async () => (await db.select().from(idempotencyKeys)).length).toBe(1)
  await db.update(idempotencyKeys).set({ leaseUntil: sql`now() - interval '1 second'` })
  gate = undefined
  await post('/kept', 'k1')
  open.resolve()
  expect(JSON.parse((await told(dead)).text).error.code).toBe('request_in_progress')
  expect((await told(post('/kept', 'k1'))).text).toBe('{"id":1}')
})

test('a stream is told again to its last event, once it has ended', async () => {
  const first = await told(post('/stream', 'k1'))
  expect(first.text).toBe('data: 1\n\ndata: "end"\n\ndata: [DONE]\n\n')
  expect(await told(post('/stream', 'k1'))).toEqual({ ...first, replayed: 'true' })
})

test('a stream that failed or was left is none', async () => {
  failure = new ApiError('timeout', 'too late')
  await told(post('/stream', 'k1'))
  failure = undefined
  gate = new Promise(() => {})
  const left = await post('/stream', 'k1')
  await left.body!.cancel()
  gate = undefined
  await expect.poll(free).toBe(true)
  expect(await told(post('/stream', 'k1'))).toMatchObject({
    replayed: null,
    text: expect.stringMatching(/^data: 3/),
  })
})

/** Whether nobody works on a request. */
const free = async () =>
  (await db.select().from(idempotencyKeys)).every(({ leaseUntil }) => leaseUntil.getTime() <= Date.now())

test('who was taken for dead never holds what was released and taken again since', async () => {
  const claim = async () => {
    const found = await claimRequest(db, firstProject, 'k1', 'f')
    return found.is === 'new' ? found.claim : expect.unreachable()
  }
  const dead = await claim()
  await db.update(idempotencyKeys).set({ leaseUntil: sql`now()` })
  await releaseClaim(db, await claim())
  const last = await claim()
  const answer = { status: 200, contentType: 'text/plain', body: 'x' }
  expect(await keepAnswer(db, dead, answer)).toBe(false)
  expect(await keepAnswer(db, last, answer)).toBe(true)
})

test('a secret is not kept: the second time says so', async () => {
  expect((await told(post('/secret', 'k1'))).text).toBe('{"value":"secret-1"}')
  expect(JSON.stringify(await db.select().from(idempotencyKeys))).not.toContain('secret-1')
  const again = await told(post('/secret', 'k1'))
  expect([again.status, JSON.parse(again.text).error.code]).toEqual([409, 'conflict'])
  expect(done).toBe(1)
})

test('projects do not share keys', async () => {
  const [other] = await db.insert(projects).values({ name: 'other' }).returning()
  const keys: string[] = []
  for (const project of [firstProject, other!.id]) {
    const key = newKey()
    const names = { name: 'k', hash: hashOf(key), prefix: prefixOf(key) }
    await db.insert(apiKeys).values({ project, scopes: ['write'], ...names })
    keys.push(key)
  }
  for (const [i, key] of keys.entries())
    expect(JSON.parse((await told(post('/things', 'k1', { name: 'a' }, key))).text).id).toBe(i + 1)
})

test('after a day it is forgotten', async () => {
  await post('/things', 'k1')
  const dayAgo = sql`now() - interval '25 hours'`
  await db.update(idempotencyKeys).set({ createdAt: dayAgo }).where(eq(idempotencyKeys.key, 'k1'))
  expect(JSON.parse((await told(post('/things', 'k1', { name: 'new' }))).text)).toEqual({
    id: 2,
    name: 'new',
  })
})
