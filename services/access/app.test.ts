import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NewApiKey, Scope } from '../../contract/access.ts'
import { apiKeys } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { createLog } from '../../infra/log.ts'
import { createApp } from './app.ts'

const { db, close } = await testDatabase()
afterAll(close)
const app = createApp({ db, version: '0', log: createLog({ name: 'test', level: 'silent' }) })

async function ask(key: string, method: string, path: string, body?: object) {
  const response = await app.request(`/v1/organization${path}`, {
    method,
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  })
  return { status: response.status, body: await response.json() }
}
const make = async (key: string, project: string, request: object) =>
  (await ask(key, 'POST', `/projects/${project}/api_keys`, request)).body as NewApiKey

const all: Scope[] = ['read', 'write', 'serve', 'admin']
/** Admin keys of the first project and of two others. */
let operator: string
const tenants: { project: string; key: string }[] = []

beforeAll(async () => {
  const first = '/projects/proj_default/api_keys'
  const useless = await ask('none', 'POST', first, { name: 'a', scopes: ['read'] })
  expect([useless.status, useless.body.error.param]).toEqual([400, 'scopes'])
  const passing = { name: 'a', scopes: all, expires_in_seconds: 60 }
  expect((await ask('none', 'POST', first, passing)).status).toBe(400)
  operator = (await make('none', 'proj_default', { name: 'operator', scopes: all })).value
  for (const name of ['a', 'b']) {
    const { body } = await ask(operator, 'POST', '/projects', { name })
    tenants.push({ project: body.id, key: (await make(operator, body.id, { name, scopes: all })).value })
  }
})

test('a key is shown once and kept as a hash', async () => {
  const { value, id, ...rest } = await make(operator, 'proj_default', {
    name: 'once',
    requests_per_minute: 5,
  })
  expect(value).toMatch(/^sk-preamble-[\w-]{43}$/)
  expect(rest).toMatchObject({
    ...{ name: 'once', scopes: ['read', 'write', 'serve'], requests_per_minute: 5, revoked_at: null },
    redacted_value: `${value.slice(0, 16)}…`,
  })
  const { body } = await ask(operator, 'GET', `/projects/proj_default/api_keys/${id}`)
  expect(body).toEqual({ id, ...rest })
  expect(JSON.stringify(await db.select().from(apiKeys))).not.toContain(value.slice(16))
})

test('a revoked key stays in the list and opens nothing', async () => {
  const { project, key } = tenants[0]!
  const made = await make(key, project, { name: 'short', scopes: ['admin'] })
  const one = `/projects/${project}/api_keys/${made.id}`
  expect((await ask(made.value, 'GET', one)).status).toBe(200)
  expect(await ask(key, 'DELETE', one)).toMatchObject({ status: 200, body: { id: made.id, deleted: true } })
  expect((await ask(made.value, 'GET', one)).status).toBe(401)
  const { body } = await ask(key, 'GET', `/projects/${project}/api_keys`)
  expect(body.data[0]).toMatchObject({ id: made.id, revoked_at: expect.any(Number) })
})

test('the last key that can make others cannot be revoked', async () => {
  const { body } = await ask(operator, 'GET', '/projects/proj_default/api_keys')
  const { id } = body.data.find(({ name }: { name: string }) => name === 'operator')
  const refused = await ask(operator, 'DELETE', `/projects/proj_default/api_keys/${id}`)
  expect([refused.status, refused.body.error.code]).toEqual([409, 'conflict'])
})

test('admins of a project see its keys and its log only; operators see all', async () => {
  const [a, b] = tenants as [(typeof tenants)[0], (typeof tenants)[0]]
  const seen = async (key: string) =>
    (await ask(key, 'GET', '/projects')).body.data.map(({ id }: { id: string }) => id)
  expect(await seen(a.key)).toEqual([a.project])
  expect(await seen(operator)).toEqual([b.project, a.project, 'proj_default'])
  for (const path of ['', '/api_keys']) {
    expect((await ask(a.key, 'GET', `/projects/${b.project}${path}`)).status).toBe(404)
    expect((await ask(operator, 'GET', `/projects/${b.project}${path}`)).status).toBe(200)
  }
  const stolen = await ask(a.key, 'POST', `/projects/${b.project}/api_keys`, { name: 'x' })
  expect(stolen.status).toBe(404)
  await ask(b.key, 'POST', `/projects/${b.project}`, { name: 'renamed' })
  const log = async (key: string) => (await ask(key, 'GET', '/audit_logs?limit=100')).body.data
  const renamed = { type: 'POST /v1/organization/projects/:project_id', subject: b.project, status: 200 }
  expect(await log(b.key)).toMatchObject([renamed])
  expect((await log(operator))[0]).toMatchObject(renamed)
  const projectsOf = (entries: { project: { id: string } }[]) =>
    new Set(entries.map(({ project }) => project.id))
  expect(projectsOf(await log(a.key))).toEqual(new Set([a.project]))
})

test('only operators make and archive projects, and never the first', async () => {
  const { key, project } = tenants[0]!
  expect((await ask(key, 'POST', '/projects', { name: 'mine' })).status).toBe(403)
  expect((await ask(key, 'POST', `/projects/${project}/archive`)).status).toBe(403)
  expect((await ask(operator, 'POST', '/projects/proj_default/archive')).status).toBe(400)
  const { body } = await ask(operator, 'POST', '/projects', { name: 'old' })
  const inside = await make(operator, body.id, { name: 'k', scopes: all })
  const archived = await ask(operator, 'POST', `/projects/${body.id}/archive`)
  expect(archived.body).toMatchObject({ status: 'archived', archived_at: expect.any(Number) })
  expect((await ask(inside.value, 'GET', '/projects')).status).toBe(401)
  expect((await ask(operator, 'POST', `/projects/${body.id}/api_keys`, { name: 'k' })).status).toBe(409)
})

test.each([
  [{}, 'name'],
  [{ name: ' ' }, 'name'],
  [{ name: 'k', scopes: [] }, 'scopes'],
  [{ name: 'k', scopes: ['root'] }, 'scopes[0]'],
  [{ name: 'k', requests_per_minute: 0 }, 'requests_per_minute'],
  [{ name: 'k', expires_in_seconds: 0 }, 'expires_in_seconds'],
  [{ name: 'k', colour: 'red' }, 'colour'],
])('a key of %j is refused for its %s', async (request, param) => {
  const { status, body } = await ask(operator, 'POST', '/projects/proj_default/api_keys', request)
  expect([status, body.error.param]).toEqual([400, param])
})

test("OpenAI's client finds projects, their keys and the log", async () => {
  const { admin } = new OpenAI({
    ...{ baseURL: 'http://localhost/v1', apiKey: 'none', adminAPIKey: operator, maxRetries: 0 },
    fetch: async (input, init) => app.request(input as string, init as RequestInit),
  })
  const { projects, auditLogs } = admin.organization
  const made = await projects.create({ name: 'client' })
  expect(await projects.retrieve(made.id)).toMatchObject({ name: 'client', status: 'active' })
  expect(await projects.update(made.id, { name: 'renamed' })).toMatchObject({ name: 'renamed' })
  const key = await make(operator, made.id, { name: 'k' })
  const keys = await Array.fromAsync(projects.apiKeys.list(made.id))
  expect(keys.map(({ id }) => id)).toEqual([key.id])
  const project = { project_id: made.id }
  expect(await projects.apiKeys.retrieve(key.id, project)).toMatchObject({ name: 'k' })
  expect(await projects.apiKeys.delete(key.id, project)).toMatchObject({ deleted: true })
  expect(await projects.archive(made.id)).toMatchObject({ status: 'archived' })
  const ids = (await Array.fromAsync(projects.list({ limit: 2 }))).map(({ id }) => id)
  expect(ids).toContain(made.id)
  expect(new Set(ids).size).toBe(ids.length)
  const [last] = (await auditLogs.list({ limit: 1 })).data
  expect(last).toMatchObject({ object: 'audit_log', subject: made.id, status: 200 })
})
