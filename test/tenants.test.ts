/** Nothing of a project is seen from another one: every route, with the ids of somebody else. */
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Scope, Scope as scopes } from '../contract/access.ts'
import { firstProject } from '../infra/access/caller.ts'
import { hashOf, newKey, prefixOf } from '../infra/access/key.ts'
import { openPool } from '../infra/db/client.ts'
import { adapters, apiKeys, datasets, jobCheckpoints, jobEvents, projects } from '../infra/db/tables/index.ts'
import { announce } from '../infra/outbox.ts'
import { createApp } from '../services/app.ts'
import { setUp } from '../services/train/train.case.ts'

const at = await setUp()
/** Statements that a request made, without their values. */
const statements: string[] = []
const pool = openPool(at.url)
const app = createApp({
  ...at.deps,
  db: drizzle(pool, { logger: { logQuery: (query) => statements.push(query) } }),
  shipped: at.deps.bases,
  downloads: `${at.root}/downloads`,
  ...{ maxFileBytes: 2 ** 20, maxUploadBytes: 2 ** 20, requestTimeout: 10_000 },
  network: {
    allow: ['127.0.0.0/8'],
    timeout: 100,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  },
  now: () => new Date(),
})
afterAll(async () => {
  await pool.end()
  await at.tearDown()
})

async function newKeyOf(project: typeof firstProject, may: readonly Scope[] = scopes.options) {
  const key = newKey()
  const names = { name: 'k', hash: hashOf(key), prefix: prefixOf(key) }
  const [row] = await at.db
    .insert(apiKeys)
    .values({ project, scopes: [...may], ...names })
    .returning()
  return { key, id: row!.id }
}

async function ask(key: string, method: string, path: string, body?: object) {
  statements.length = 0
  const json = { 'content-type': 'application/json' }
  const response = await app.request(path, {
    method,
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${key}`, ...(body && json) },
  })
  return { status: response.status, text: await response.text(), statements: [...statements] }
}

let owner: string
let stranger: string
/** What the owner has, by the kind of thing. */
const owned: Record<string, string> = {}
const unknown: Record<string, string> = {
  file: 'file-nobodys0000000000000000',
  job: 'ftjob-nobodys0000000000000000',
  upload: 'upload_nobodys0000000000000000',
  dataset: 'ds_nobodys0000000000000000',
  adapter: 'adapter_nobodys0000000000000000',
  model: 'ft:tiny::nobodys0000000000000000',
  checkpoint: 'ft:tiny::nobodys0000000000000000:ckpt-step-2',
  endpoint: 'whe_nobodys0000000000000000',
  delivery: 'whd_nobodys0000000000000000',
  event: 'ftevent-nobodys0000000000000000',
  project: 'proj_nobodys0000000000000000',
  key: 'key_nobodys0000000000000000',
}

beforeAll(async () => {
  const created = await at.create({ training_args: { save_steps: 2, max_steps: 4, eval_steps: 0 } })
  await at.validate(created.id)
  await at.run(created.id)
  // Of two tenants, neither of which is the operators' project.
  const [mine, theirs] = await at.db
    .insert(projects)
    .values([{ name: 'owner' }, { name: 'stranger' }])
    .returning()
  for (const table of ['files', 'datasets', 'jobs', 'adapters'])
    await pool.query(`update ${table} set project_id = $1`, [mine!.id])
  owner = (await newKeyOf(mine!.id)).key
  stranger = (await newKeyOf(theirs!.id)).key
  await newKeyOf(firstProject)
  const spare = await newKeyOf(mine!.id)
  await ask(stranger, 'GET', '/v1/files') // that the key was used is noted once a minute

  const job = JSON.parse((await ask(owner, 'GET', `/v1/fine_tuning/jobs/${created.id}`)).text)
  const [dataset] = await at.db.select().from(datasets)
  const [adapter] = await at.db.select().from(adapters).where(eq(adapters.model, job.fine_tuned_model))
  const [checkpoint] = await at.db.select().from(jobCheckpoints)
  const [event] = await at.db.select().from(jobEvents)
  const hook = { name: 'h', url: 'http://hooks.test/', event_types: ['preamble.dataset.ready'] }
  const endpoint = JSON.parse((await ask(owner, 'POST', '/v1/webhook_endpoints', hook)).text)
  const about = { filename: 'c.txt', purpose: 'fine-tune', bytes: 1, mime_type: 'text/plain' }
  const upload = JSON.parse((await ask(owner, 'POST', '/v1/uploads', about)).text)
  await at.db.transaction((tx) => announce(tx, mine!.id, 'preamble.dataset.ready', dataset!.id))
  const deliveries = await ask(owner, 'GET', `/v1/webhook_endpoints/${endpoint.id}/deliveries`)
  Object.assign(owned, {
    ...{ file: job.training_file, upload: upload.id, job: job.id, dataset: dataset!.id },
    ...{ adapter: adapter!.id, model: adapter!.model, event: event!.id },
    checkpoint: `${job.fine_tuned_model}:ckpt-step-${checkpoint!.stepNumber}`,
    ...{ endpoint: endpoint.id, delivery: JSON.parse(deliveries.text).data[0].id },
    ...{ project: mine!.id, key: spare.id },
  })
})

const messages = [{ role: 'user', content: '你好' }]
const peft = { num_virtual_tokens: 8 }
const job = '/v1/fine_tuning/jobs/{job}'
const hooks = '/v1/webhook_endpoints/{endpoint}'
const project = '/v1/organization/projects/{project}'

/**
 * Requests that name something by its id, as `{kind}`; what ends a thing comes last. A fourth entry is the status that
 * its owner gets where it is not 200.
 */
const crossings: [method: string, path: string, body?: object, own?: number][] = [
  ['GET', '/v1/files/{file}'],
  ['GET', '/v1/files/{file}/content'],
  ['POST', '/v1/uploads/{upload}/parts', undefined, 400],
  ['POST', '/v1/uploads/{upload}/complete', { part_ids: ['part_1'] }, 400],
  ['POST', '/v1/uploads/{upload}/cancel'],
  ['POST', '/v1/datasets', { file_id: '{file}' }, 201],
  ['GET', '/v1/datasets/{dataset}'],
  ['GET', '/v1/datasets/{dataset}/files/train.json'],
  ['POST', '/v1/fine_tuning/jobs', { model: 'tiny', training_file: '{file}', peft }],
  ['POST', '/v1/fine_tuning/jobs', { model: 'tiny', training_file: '{dataset}', peft }],
  ['GET', job],
  ['GET', `${job}/events`],
  ['GET', `${job}/checkpoints`],
  ['POST', `${job}/pause`, undefined, 409],
  ['POST', `${job}/resume`, undefined, 409],
  ['POST', `${job}/cancel`, undefined, 409],
  ['GET', '/v1/models/{model}'],
  ['GET', '/v1/models/{checkpoint}'],
  ['POST', '/v1/chat/completions', { model: '{model}', messages, max_tokens: 1 }],
  ['POST', '/v1/chat/completions', { model: '{checkpoint}', messages, max_tokens: 1 }],
  ['POST', '/v1/completions', { model: '{model}', prompt: '你', max_tokens: 1 }],
  ['GET', '/v1/adapters/{adapter}'],
  ['GET', '/v1/adapters/{model}'],
  ['GET', '/v1/adapters/{adapter}/export'],
  ['POST', '/v1/adapters/{adapter}/load'],
  ['POST', '/v1/adapters/{adapter}/pin'],
  ['POST', '/v1/adapters/{adapter}/unpin'],
  ['GET', hooks],
  ['POST', hooks, { name: 'renamed' }],
  ['POST', `${hooks}/rotate_secret`, {}],
  ['POST', `${hooks}/test`, { event_type: 'preamble.dataset.ready' }, 400],
  ['GET', `${hooks}/deliveries`],
  ['POST', `${hooks}/deliveries/{delivery}/redeliver`],
  ['GET', project],
  ['POST', project, { name: 'renamed' }],
  ['GET', `${project}/api_keys`],
  ['POST', `${project}/api_keys`, { name: 'k' }],
  ['GET', `${project}/api_keys/{key}`],
  ['DELETE', `${project}/api_keys/{key}`],
  ['POST', `${project}/archive`, undefined, 403],
  ['DELETE', hooks],
  ['DELETE', '/v1/adapters/{checkpoint}'],
  ['DELETE', '/v1/models/{model}'],
  ['DELETE', '/v1/datasets/{dataset}'],
  ['DELETE', '/v1/files/{file}'],
]

const kind = /\{(\w+)\}/g
const fill = (text: string, ids: Record<string, string>) => text.replace(kind, (_, name) => ids[name]!)
function send(key: string, [method, path, body]: (typeof crossings)[number], ids: Record<string, string>) {
  const filled = body && JSON.parse(fill(JSON.stringify(body), ids))
  return ask(key, method, fill(path, ids), filled)
}
/** What an answer tells, the id that was asked for aside. */
function told({ text }: { text: string }, ids: Record<string, string>) {
  const { request_id: _, ...error } = JSON.parse(text).error
  return Object.entries(ids).reduce((json, [name, id]) => json.replaceAll(id, name), JSON.stringify(error))
}

test.each(crossings)("%s %s of another project is 404, as if it were nobody's", async (...crossing) => {
  const theirs = await send(stranger, crossing, owned)
  const nobodys = await send(stranger, crossing, unknown)
  expect([theirs.status, nobodys.status]).toEqual([404, 404])
  expect(told(theirs, owned)).toBe(told(nobodys, unknown))
  // The same work, and so the same time.
  expect(theirs.statements).toEqual(nobodys.statements)
})

test('its owner gets at it by the same requests', async () => {
  for (const crossing of crossings) {
    const { status, text } = await send(owner, crossing, owned)
    expect([crossing[0], crossing[1], status, status < 400 || text]).toEqual([
      crossing[0],
      crossing[1],
      crossing[3] ?? 200,
      status < 400 || expect.stringContaining('error'),
    ])
  }
})

test('every route that names something is tried', async () => {
  const { paths } = JSON.parse((await ask(owner, 'GET', '/openapi.json')).text)
  const tried = new Set(crossings.map(([method, path]) => `${method} ${path.replace(kind, '{}')}`))
  const choices: Record<string, string[]> = {
    name: ['train.json'],
  }
  const all = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).flatMap((method) => {
      const chosen = Object.keys(choices).find((name) => path.includes(`{${name}}`))
      const ways = chosen ? choices[chosen]!.map((way) => path.replace(`{${chosen}}`, way)) : [path]
      return ways.map((way) => `${method.toUpperCase()} ${way.replace(/\{\w+\}/g, '{}')}`)
    }),
  )
  const naming = all.filter((route) => route.includes('{}') && !route.includes('/v1/base_models/'))
  expect(naming.length).toBeGreaterThan(30)
  expect(naming.filter((route) => !tried.has(route))).toEqual([])
})

test.each([
  ...([
    '/v1/files',
    '/v1/datasets',
    '/v1/fine_tuning/jobs',
    '/v1/adapters',
    '/v1/webhook_endpoints',
  ] as const),
  ...(['/v1/models', '/v1/organization/projects'] as const),
])('%s lists nothing of another project', async (path) => {
  const { text } = await ask(stranger, 'GET', path)
  for (const id of Object.values(owned)) expect(text).not.toContain(id)
})

test('the audit log is of what was done in the project', async () => {
  const { text } = await ask(stranger, 'GET', '/v1/organization/audit_logs?limit=100')
  const by = JSON.parse(text).data.map((entry: { project: { id: string } }) => entry.project.id)
  expect(by.length).toBeGreaterThan(10)
  expect(by).not.toContain(owned.project)
})

test.each([
  ['/v1/files', 'file'],
  ['/v1/datasets', 'dataset'],
  ['/v1/fine_tuning/jobs', 'job'],
  ['/v1/adapters', 'adapter'],
  ['/v1/webhook_endpoints', 'endpoint'],
  ['/v1/organization/projects', 'project'],
])('%s does not tell by its cursor whether another project has a thing', async (path, what) => {
  const theirs = await ask(stranger, 'GET', `${path}?after=${owned[what]}`)
  const nobodys = await ask(stranger, 'GET', `${path}?after=${unknown[what]}`)
  expect([theirs.status, told(theirs, owned)]).toEqual([400, told(nobodys, unknown)])
})

test('what was read of a prompt is found again in its project only', async () => {
  const prompt = Array.from({ length: 80 }, (_, i) => 100 + i)
  const cached = async (key: string) => {
    const { text } = await ask(key, 'POST', '/v1/completions', { model: 'tiny', prompt, max_tokens: 1 })
    return JSON.parse(text).usage.prompt_tokens_details.cached_tokens
  }
  expect([await cached(owner), await cached(stranger), await cached(owner)]).toEqual([0, 0, 64])
})

test('webhooks tell nothing of another project', async () => {
  const hook = { name: 'h', url: 'http://hooks.test/', event_types: ['preamble.dataset.ready'] }
  const { id } = JSON.parse((await ask(stranger, 'POST', '/v1/webhook_endpoints', hook)).text)
  const [mine] = await at.db.select().from(projects).where(eq(projects.name, 'renamed'))
  await at.db.transaction((tx) => announce(tx, mine!.id, 'preamble.dataset.ready', 'ds_1'))
  const { text } = await ask(stranger, 'GET', `/v1/webhook_endpoints/${id}/deliveries`)
  expect(JSON.parse(text).data).toEqual([])
})
