import { createRoute, z } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { afterAll, expect, test } from 'vitest'
import { ChatCompletion, ChatRequest } from '../../contract/chat.ts'
import { ApiError } from '../../contract/errors.ts'
import { JobListQuery, JobRequest } from '../../contract/job.ts'
import { PageQuery } from '../../contract/page.ts'
import { connect } from '../db/client.ts'
import { testDatabase } from '../db/testing.ts'
import { createLog } from '../log.ts'
import { boundedLabels, createMetrics } from '../metrics.ts'
import { createHttpApp } from './app.ts'
import { errors } from './errors.ts'
import { Lifetime } from './lifetime.ts'

const { db, close } = await testDatabase()
afterAll(close)

const lines: string[] = []
const log = createLog({ name: 'test', level: 'info' }, { write: (line) => lines.push(line) })
const app = createHttpApp({ db, name: 'test', version: '1.2.3', log })

const post = (path: string, schema: z.ZodType) =>
  createRoute({
    method: 'post',
    path,
    request: { body: { content: { 'application/json': { schema } }, required: true } },
    responses: {
      200: { description: 'The answer', content: { 'application/json': { schema: ChatCompletion } } },
      ...errors(400, 404),
    },
  })
app.openapi(post('/chat', ChatRequest), (c) => c.json({} as ChatCompletion, 200))
app.openapi(post('/jobs', JobRequest), (c) => c.json({} as ChatCompletion, 200))
const list = { method: 'get', path: '/jobs', request: { query: JobListQuery } } as const
app.openapi(createRoute({ ...list, responses: { 200: { description: 'Jobs' } } }), (c) => c.json({}))
const things = { 200: { description: 'Things' } }
const query = { params: z.object({ id: z.string() }), query: PageQuery }
app.openapi(createRoute({ method: 'get', path: '/things', responses: things }), (c) => c.json({}))
app.openapi(createRoute({ method: 'get', path: '/things/{id}', request: query, responses: things }), (c) =>
  c.json({}),
)
app.openapi(createRoute({ method: 'post', path: '/things/own', responses: things }), (c) => c.json({}))
app.openapi(post('/changes', z.strictObject({ name: z.string().optional() })), (c) =>
  c.json({} as ChatCompletion, 200),
)
app.get('/missing', () => {
  throw new ApiError('not_found', 'no file file-1', { param: 'file_id' })
})
app.get('/teapot', () => {
  throw new HTTPException(413, { message: 'too large' })
})
app.get('/broken', () => {
  throw new Error('password is hunter2')
})

app.get('/raw', () => new Response('made by hand'))
app.get('/told', (c) => {
  Object.assign(c.var.told, { model: 'm', completionTokens: 3 })
  return c.json({})
})
app.get('/v1/models/:model', (c) => c.json({ model: c.req.param('model') }))

async function answer(path: string, body?: unknown) {
  const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await app.request(path, body === undefined ? {} : init)
  const { error, ...rest } = await response.json()
  if (!error) return { status: response.status, ...rest }
  const { request_id, ...told } = error
  expect(request_id).toBe(response.headers.get('x-request-id'))
  return { status: response.status, error: told }
}
const invalid = (param: string, message: unknown) => ({
  status: 400,
  error: { type: 'invalid_request_error', code: 'invalid_value', param, message },
})
const messages = [{ role: 'user', content: 'hi' }]

test('a wrong field is answered by its path', async () => {
  expect(await answer('/chat', { model: 'm', messages, temperature: 3 })).toEqual(
    invalid('temperature', expect.stringMatching(/^temperature: .*2/)),
  )
  const turns = [...messages, { role: 'user', content: [{ type: 'image_url' }] }]
  expect(await answer('/chat', { model: 'm', messages: turns })).toEqual(
    invalid('messages[1].content[0].type', expect.stringContaining('only parts of type "text"')),
  )
})

test.each([
  ['tiny', 'tiny'],
  ['THUDM/chatglm3-6b', 'THUDM/chatglm3-6b'],
  ['THUDM%2Fchatglm3-6b', 'THUDM/chatglm3-6b'],
  ['ft:THUDM/chatglm3-6b:health:1?x=/', 'ft:THUDM/chatglm3-6b:health:1'],
])('/v1/models/%s is the model %s', async (path, model) => {
  expect(await answer(`/v1/models/${path}`)).toEqual({ status: 200, model })
})

test('an unknown field is answered by its name', async () => {
  const body = { model: 'm', training_file: 'f', training_args: { learning_rat: 1 } }
  expect(await answer('/jobs', body)).toEqual(
    invalid('training_args.learning_rat', 'training_args.learning_rat: there is no such field'),
  )
})

test('a body that is no JSON says so', async () => {
  const init = { method: 'POST', body: '{"model":', headers: { 'content-type': 'application/json' } }
  const response = await app.request('/chat', init)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { code: 'invalid_json' } })
})

test('a missing body is a missing field', async () => {
  const response = await app.request('/chat', { method: 'POST' })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { param: 'model' } })
})

test.each([
  ['U+0000', 'a\0', 'holds the character U+0000, which is no text'],
  ['half of a pair', 'a\ud83d', 'holds half of a surrogate pair, which is no character'],
])('%s is refused, wherever in a request', async (_, text, problem) => {
  const told = (place: string) => invalid(place, `${place}: ${problem}`)
  expect(await answer('/chat', { model: 'm', messages: [{ role: 'user', content: text }] })).toEqual(
    told('messages[0].content'),
  )
  const job = { model: 'm', training_file: 'f' }
  expect(await answer('/jobs', { ...job, config: { a: [{}, { b: text }] } })).toEqual(told('config.a[1].b'))
  expect(await answer('/jobs', { ...job, metadata: { [text]: '1' } })).toEqual(
    invalid('metadata', `metadata: the name of a field ${problem}`),
  )
})

test('a missing body is no empty one', async () => {
  const send = (init: RequestInit) => app.request('/changes', { method: 'POST', ...init })
  const headers = { 'content-type': 'application/json' }
  expect((await send({ headers, body: '{}' })).status).toBe(200)
  expect((await send({})).status).toBe(400)
  const plain = await send({ headers: { 'content-type': 'text/plain' }, body: '{}' })
  expect([plain.status, (await plain.json()).error.message]).toEqual([
    400,
    expect.stringMatching(/^content-type/),
  ])
})

test('a body that is nested very deeply is answered', async () => {
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
  const body = `{"model": "m", "training_file": "f", "config": ${deep}}`
  const headers = { 'content-type': 'application/json' }
  expect((await app.request('/jobs', { method: 'POST', body, headers })).status).toBe(200)
})

test('U+0000 in the address is refused', async () => {
  expect(await answer('/things/a%00?limit=1')).toEqual(
    invalid('id', 'id: holds the character U+0000, which is no text'),
  )
  expect(await answer('/things/a?limit=1&after=a%00')).toEqual(
    invalid('after', 'after: holds the character U+0000, which is no text'),
  )
})

test('a parameter that the route does not have is answered by its name', async () => {
  expect(await answer('/things/a?limit=1&limt=2')).toEqual(
    invalid('limt', 'limt: there is no such parameter; there are: limit, after, order'),
  )
  expect((await app.request('/jobs?metadata[k]=v')).status).toBe(200)
  expect(await answer('/jobs?metadata[]=v')).toMatchObject({ status: 400, error: { param: 'metadata[]' } })
  expect(await answer('/jobs?limit[k]=1')).toMatchObject({ status: 400, error: { param: 'limit[k]' } })
  expect(await answer('/things?limit=1')).toEqual(invalid('limit', 'limit: there is no such parameter'))
  expect(await answer('/things/a?limit=1&limit=2')).toMatchObject({ status: 400, error: { param: 'limit' } })
})

test.each([
  ['DELETE', '/things/a', 'GET'],
  ['OPTIONS', '/things/own', 'POST'],
])('%s %s is told that there is only %s', async (method, path, allow) => {
  const response = await app.request(path, { method })
  expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  expect(await response.json()).toMatchObject({ error: { code: 'method_not_allowed' } })
})

test('what a handler throws is answered with its status', async () => {
  expect(await answer('/missing')).toEqual({
    status: 404,
    error: { type: 'invalid_request_error', code: 'not_found', param: 'file_id', message: 'no file file-1' },
  })
  expect(await answer('/teapot')).toMatchObject({ status: 413, error: { code: 'file_too_large' } })
  expect(await answer('/nowhere')).toMatchObject({ status: 404, error: { code: 'unknown_url' } })
})

test('what nobody foresaw is told to the log and not to the client', async () => {
  lines.length = 0
  const response = await app.request('/broken', { headers: { 'x-request-id': 'r-1' } })
  expect(response.status).toBe(500)
  expect(response.headers.get('x-request-id')).toBe('r-1')
  const body = await response.text()
  expect(JSON.parse(body)).toMatchObject({ error: { type: 'server_error', code: 'server_error' } })
  expect(body).not.toContain('hunter2')
  expect(JSON.parse(lines[0]!)).toMatchObject({ request: 'r-1', err: { message: 'password is hunter2' } })
})

test.each([
  ['r-1_=', 'r-1_='],
  ['a b', expect.stringMatching(/^[\da-f-]{36}$/)],
  ['<script>', expect.stringMatching(/^[\da-f-]{36}$/)],
  ['x'.repeat(256), expect.stringMatching(/^[\da-f-]{36}$/)],
])('of the request id %s the answer has its own or one that is made', async (given, wanted) => {
  for (const path of ['/told', '/raw', '/nowhere', '/broken', '/healthz', '/metrics']) {
    const response = await app.request(path, { headers: { 'x-request-id': given } })
    expect(response.headers.get('x-request-id')).toEqual(wanted)
  }
})

test('a request is one line: route, status, time, id and what the handler tells, but no path or text', async () => {
  lines.length = 0
  await app.request('/told?secret=hunter2', { headers: { 'x-request-id': 'r-2' } })
  await app.request('/v1/models/THUDM/chatglm3-6b')
  await answer('/nowhere')
  const logged = lines.map((line) => JSON.parse(line))
  const line = { msg: 'request', method: 'GET', ms: expect.any(Number) }
  expect(logged).toMatchObject([
    { ...line, request: 'r-2', route: '/told', status: 200, model: 'm', completionTokens: 3 },
    { ...line, route: '/v1/models/:model', status: 200 },
    { ...line, route: 'unknown', status: 404, error: 'unknown_url' },
  ])
  expect(lines.join()).not.toMatch(/hunter2|chatglm3/)
})

test('metrics count requests by route and status, in the form that Prometheus reads', async () => {
  const metrics = createMetrics()
  const counted = createHttpApp({ db, name: 'test', version: '0', log, metrics })
  counted.get('/v1/models/:model', (c) => c.json({}))
  for (const path of ['/v1/models/a', '/v1/models/b', '/nowhere']) await counted.request(path)
  const response = await counted.request('/metrics')
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await response.text()
  expect(text).toContain(
    'preamble_http_requests_total{method="GET",route="/v1/models/:model",status="200"} 2\n',
  )
  expect(text).toContain('preamble_http_requests_total{method="GET",route="unknown",status="404"} 1\n')
  expect(text).toContain('preamble_http_request_seconds_count{method="GET",route="/v1/models/:model"} 2\n')
})

test('a database that is away is a 503 that says to come back, and in the log', async () => {
  const gone = connect('postgres://nobody@127.0.0.1:1/nowhere')
  const away = createHttpApp({ db: gone.db, name: 'test', version: '0', log })
  away.get('/', (c) => c.json({}))
  lines.length = 0
  const response = await away.request('/')
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await response.json()).toMatchObject({ error: { code: 'unavailable', type: 'server_error' } })
  expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'request failed' })
  await gone.close()
})

test('a body that is too large is refused, also when it does not say so, and mounted apps read it once', async () => {
  const all = createHttpApp({ db, name: 'all', version: '0', log })
  all.route('/', app)
  const send = (size: number, headers: Record<string, string>) => {
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(size) }] })
    const init = { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }
    return all.request('/chat', init)
  }
  const chunked = { 'transfer-encoding': 'chunked', 'idempotency-key': 'k' }
  expect((await send(2 ** 20, chunked)).status).toBe(200)
  for (const headers of [chunked, { 'content-length': String(2 ** 24 + 100) }]) {
    const response = await send(2 ** 24, headers)
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ error: { code: 'file_too_large' } })
  }
})

test('labels from the outside are bounded', () => {
  const label = boundedLabels(2)
  expect(['a', 'b', 'c', 'a', 'd'].map(label)).toEqual(['a', 'b', 'other', 'a', 'other'])
})

test('ready is who reaches all that it needs; what is missing is named, and the cause only logged', async () => {
  const missing = new Set<string>()
  const check = (what: string) => async () => {
    if (missing.has(what)) throw new Error('password is hunter2')
  }
  const ready = { database: check('database'), storage: check('storage') }
  const checked = createHttpApp({ db, name: 'test', version: '0', log, ready })
  const ask = async () => {
    const response = await checked.request('/readyz')
    const { status, ...rest } = await response.json()
    return [response.status, status, rest]
  }
  const checks = { server: 'ok', database: 'ok', storage: 'ok' }
  expect(await ask()).toEqual([200, 'ready', { service: 'test', checks }])
  missing.add('storage')
  expect(await ask()).toEqual([
    503,
    'unready',
    { service: 'test', checks: { ...checks, storage: 'missing' } },
  ])
  expect((await checked.request('/healthz')).status).toBe(200)
})

test('a server that drains refuses what is new, says when to come back, and still tells how it is', async () => {
  const lifetime = new Lifetime()
  const draining = createHttpApp({ db, name: 'test', version: '0', log, lifetime })
  draining.get('/told', (c) => c.json({}))
  expect((await draining.request('/told')).status).toBe(200)
  lifetime.drain()
  const refused = await draining.request('/told')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await refused.json()).toMatchObject({ error: { type: 'server_error', code: 'shutting_down' } })
  const statuses = ['/healthz', '/metrics', '/readyz'].map(
    async (path) => (await draining.request(path)).status,
  )
  expect(await Promise.all(statuses)).toEqual([200, 200, 503])
})

test("a full queue is the client's to ask again, with the time to wait", async () => {
  const full = createHttpApp({ db, name: 'test', version: '0', log })
  full.get('/', () => {
    throw new ApiError('overloaded', 'the queue is full')
  })
  const response = await full.request('/')
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
  expect(await response.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'overloaded' } })
})

test('the app tells its health and its own OpenAPI document, schemas by name', async () => {
  expect(await answer('/healthz')).toEqual({ status: 'ok', service: 'test', version: '1.2.3' })
  const { paths, components } = await (await app.request('/openapi.json')).json()
  expect(paths['/chat'].post.requestBody.content['application/json'].schema).toEqual({
    $ref: '#/components/schemas/ChatCompletionRequest',
  })
  expect(Object.keys(components.schemas)).toEqual(
    expect.arrayContaining(['ChatMessage', 'ChatCompletion', 'Usage', 'Error', 'JobRequest', 'Peft']),
  )
})

test('a service mounted in another app keeps its routes, errors and place in the document', async () => {
  const all = createHttpApp({
    db,
    name: 'all',
    version: '1.2.3',
    log: createLog({ name: 'all', level: 'debug' }, { write: (line) => lines.push(line) }),
  })
  all.route('/', app)
  lines.length = 0
  const response = await all.request('/missing')
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ error: { code: 'not_found' } })
  expect(lines.map((line) => JSON.parse(line).request)).toEqual([response.headers.get('x-request-id')])
  expect((await (await all.request('/readyz')).json()).service).toBe('all')
  expect(Object.keys((await (await all.request('/openapi.json')).json()).paths)).toEqual([
    '/chat',
    '/jobs',
    ...['/things', '/things/{id}', '/things/own', '/changes'],
  ])
})
