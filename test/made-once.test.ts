/** What a request with an `Idempotency-Key` makes is made once, though its process dies before it can keep the answer. */
import { sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../infra/db/client.ts'
import {
  adapters,
  apiKeys,
  datasets,
  files,
  idempotencyKeys,
  jobs,
  projects,
  uploadParts,
  uploads,
  webhookEndpoints,
} from '../infra/db/tables/index.ts'
import { createApp } from '../services/app.ts'
import type { JobId } from '../services/train/job.ts'
import { corpus, setUp } from '../services/train/train.case.ts'

const at = await setUp()
const network = {
  allow: ['127.0.0.0/8'],
  timeout: 100,
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
}
const appOf = (db: Database) =>
  createApp({
    ...{ ...at.deps, db, network, now: () => new Date() },
    ...{ shipped: at.deps.bases, downloads: `${at.root}/downloads` },
    ...{ maxFileBytes: 2 ** 20, maxUploadBytes: 2 ** 20, requestTimeout: 10_000 },
  })
const app = appOf(at.db)
/** One whose process dies once it has done what was asked for: outside of that transaction, it keeps no answer. */
const dying = appOf(
  new Proxy(at.db, {
    get(db, name) {
      if (name !== 'update') return Reflect.get(db, name)
      return (table: PgTable) => {
        if ((table as unknown) === idempotencyKeys) throw new Error('the process is dead')
        return db.update(table)
      }
    },
  }),
)
afterAll(at.tearDown)

let corpusId: string
const adapter: [string, string | File][] = [['base', 'tiny']]
beforeAll(async () => {
  const { id } = await at.create({ training_args: { max_steps: 1, eval_steps: 0 } })
  await at.validate(id as JobId)
  await at.run(id as JobId)
  const { objectKey } = (await at.db.select().from(adapters))[0]!
  for (const name of await at.store.list(objectKey))
    adapter.push(['file', new File([await at.store.bytes(`${objectKey}/${name}`)], name)])
  corpusId = await at.upload(corpus)
  const { mime_type: mimeType, ...upload } = about
  const until = sql`now() + interval '1 hour'`
  const values = { ...upload, mimeType, id: 'upload_1', project: at.project, expiresAt: until } as const
  await at.db.insert(uploads).values(values)
})

type Request = { body: string | FormData; headers: Record<string, string> }
const json = (body: object): Request => ({
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})
const form = (parts: [string, string | File][]): Request => {
  const body = new FormData()
  for (const [name, value] of parts) body.append(name, value)
  return { body, headers: {} }
}
const file: [string, string | File][] = [
  ['purpose', 'fine-tune'],
  ['file', new File([corpus], 'c.txt')],
]
const hook = { name: 'h', url: 'http://hooks.test/', event_types: ['preamble.dataset.ready'] }
const about = { filename: 'c.txt', purpose: 'fine-tune', bytes: 1, mime_type: 'text/plain' } as const
const peft = { num_virtual_tokens: 8 }
const key = { name: 'k', scopes: ['read', 'write', 'serve', 'admin'] }

/** The last entry: the answer holds what is shown once, and the second request is told that it was done. */
const makers: [path: string, table: PgTable, () => Request, secret?: true][] = [
  ['/v1/files', files, () => form(file)],
  ['/v1/uploads', uploads, () => json(about)],
  ['/v1/uploads/upload_1/parts', uploadParts, () => form([['data', new File(['x'], 'part')]])],
  ['/v1/datasets', datasets, () => json({ file_id: corpusId })],
  ['/v1/fine_tuning/jobs', jobs, () => json({ model: 'tiny', training_file: corpusId, peft })],
  ['/v1/adapters/import', adapters, () => form(adapter)],
  ['/v1/webhook_endpoints', webhookEndpoints, () => json(hook), true],
  ['/v1/organization/projects', projects, () => json({ name: 'p' })],
  ['/v1/organization/projects/proj_default/api_keys', apiKeys, () => json(key), true],
]

/** A process dies when it has done the request; the next one is asked again. Answers both. */
async function askTwice(path: string, { body, headers }: Request) {
  const sent = (authorization = '') => ({
    ...{ method: 'POST', body },
    headers: { ...headers, authorization, 'idempotency-key': path },
  })
  const first = await dying.request(path, sent())
  const text = await first.text()
  expect([first.ok, text]).toEqual([true, expect.stringContaining('"id"')])
  // Whoever asks again does so when the lease of the dead one is over.
  await at.db.update(idempotencyKeys).set({ leaseUntil: new Date(0) })
  // After the first key, which the last of these makes, nobody comes in without one.
  const second = await app.request(path, sent(`Bearer ${JSON.parse(text).value}`))
  return { first, text, second, again: await second.text() }
}

test('a secret is rotated once: the old one is the one before', async () => {
  const made = await app.request('/v1/webhook_endpoints', { method: 'POST', ...json(hook) })
  const { id, signing_secret } = await made.json()
  const keepOld = json({ keep_old_secret_active_for_24_hours: true })
  const { second } = await askTwice(`/v1/webhook_endpoints/${id}/rotate_secret`, keepOld)
  expect(second.status).toBe(409)
  expect(await at.db.select().from(webhookEndpoints)).toMatchObject([{ oldSecret: signing_secret }])
})

test.each(makers)('POST %s', async (path, table, request, secret) => {
  const before = await at.db.$count(table)
  const { first, text, second, again } = await askTwice(path, request())
  if (secret) expect([second.status, JSON.parse(again).error.code]).toEqual([409, 'conflict'])
  else
    expect([second.status, second.headers.get('idempotent-replayed'), again]).toEqual([
      ...[first.status, 'true', text],
    ])
  expect(await at.db.$count(table)).toBe(before + 1)
})
