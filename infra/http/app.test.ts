import { createRoute, type z } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { expect, test } from 'vitest'
import { ChatCompletion, ChatRequest } from '../../contract/chat.ts'
import { ApiError } from '../../contract/errors.ts'
import { JobRequest } from '../../contract/job.ts'
import { createLog } from '../log.ts'
import { createHttpApp } from './app.ts'
import { errors } from './errors.ts'

const lines: string[] = []
const log = createLog({ name: 'test', level: 'info' }, { write: (line) => lines.push(line) })
const app = createHttpApp({ name: 'test', version: '1.2.3', log })

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
app.get('/missing', () => {
  throw new ApiError('not_found', 'no file file-1', { param: 'file_id' })
})
app.get('/teapot', () => {
  throw new HTTPException(413, { message: 'too large' })
})
app.get('/broken', () => {
  throw new Error('password is hunter2')
})

app.get('/v1/models/:model', (c) => c.json({ model: c.req.param('model') }))

async function answer(path: string, body?: unknown) {
  const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await app.request(path, body === undefined ? {} : init)
  return { status: response.status, ...(await response.json()) }
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
  expect(Object.keys((await (await all.request('/openapi.json')).json()).paths)).toEqual(['/chat', '/jobs'])
})
