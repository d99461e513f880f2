import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebhookEventType } from '../../contract/webhook.ts'
import { setUp } from './webhooks.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
beforeAll(async () => {
  at = await setUp()
})
afterAll(() => at.tearDown())

const succeeded = 'fine_tuning.job.succeeded'
const create = (more: object = {}) =>
  at.openai.webhooks.create({ name: 'a receiver', url: at.receiver, event_types: [succeeded], ...more })

test('the OpenAI client makes, reads, changes, lists and deletes endpoints; the secret is told once', async () => {
  const made = await create()
  expect(made).toMatchObject({ object: 'webhook_endpoint', url: at.receiver, event_types: [succeeded] })
  expect(made.signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  const { signing_secret, ...shown } = made
  expect(await at.openai.webhooks.retrieve(made.id)).toEqual(shown)
  expect(JSON.stringify(await at.openai.webhooks.list())).not.toContain(signing_secret)

  at.later(5000)
  expect(await at.openai.webhooks.update(made.id, { name: 'a receiver' })).toEqual(shown)
  const changed = await at.openai.webhooks.update(made.id, { name: 'another' })
  expect(changed).toMatchObject({ name: 'another', url: at.receiver })
  expect(changed.updated_at).toBeGreaterThan(shown.updated_at!)

  const next = await create()
  const listed = await Array.fromAsync(at.openai.webhooks.list({ limit: 1 }))
  expect(listed.map(({ id }) => id).slice(0, 2)).toEqual([next.id, made.id])
  expect(await at.openai.webhooks.delete(made.id)).toEqual({
    id: made.id,
    object: 'webhook_endpoint.deleted',
    deleted: true,
  })
  await expect(at.openai.webhooks.retrieve(made.id)).rejects.toMatchObject({ status: 404 })
})

test('the types of events are listed', async () => {
  expect((await at.openai.webhooks.eventTypes.list()).data).toEqual(WebhookEventType.options)
})

test.each([
  [{ url: 'ftp://hooks.test/' }, 'url', 'expected the URL of a receiver'],
  [{ url: 'http://me:secret@hooks.test/' }, 'url', 'user name or password'],
  [{ url: 'https://nobody.test/' }, 'url', 'the name nobody.test has no address'],
  [{ event_types: ['batch.completed'] }, 'event_types[0]', 'expected one of'],
  [{ event_types: [] }, 'event_types', ''],
  [{ name: '' }, 'name', ''],
  [{ secret: 'mine' }, 'secret', 'there is no such field'],
])('%j is refused by its name', async (wrong, param, message) => {
  await expect(create(wrong)).rejects.toMatchObject({
    status: 400,
    param,
    message: expect.stringContaining(message),
  })
})

test('a test sends a signed sample at once and tells the status', async () => {
  const { id, signing_secret } = await create()
  at.received.length = 0
  at.answer.status = 418
  const result = await at.openai.webhooks.test(id, { event_type: succeeded })
  at.answer.status = 200
  expect(result).toEqual({
    object: 'webhook_endpoint.test',
    event_type: succeeded,
    webhook_endpoint_id: id,
    success: true,
    status_code: 418,
  })
  const [{ body, headers }] = at.received as [(typeof at.received)[0]]
  const event = await at.openai.webhooks.unwrap(body, headers as Record<string, string>, signing_secret)
  expect(event).toMatchObject({ object: 'event', type: succeeded, data: { id: 'ftjob-sample' } })
})

test('a test that nothing answers is an error that says so', async () => {
  at.names.set('closed.test', [['127.0.0.1']])
  const { id } = await create({ url: 'http://closed.test:1/' })
  await expect(at.openai.webhooks.test(id, { event_type: succeeded })).rejects.toMatchObject({
    status: 400,
    code: 'webhook_unreachable',
    message: expect.stringContaining('closed.test: ECONNREFUSED'),
  })
})

test('an unknown endpoint is a 404 everywhere', async () => {
  const { webhooks } = at.openai
  const calls = [
    webhooks.retrieve('whe_none'),
    webhooks.update('whe_none', { name: 'x' }),
    webhooks.delete('whe_none'),
    webhooks.rotateSecret('whe_none'),
    webhooks.test('whe_none', { event_type: succeeded }),
  ]
  for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[])
    expect(reason).toMatchObject({ status: 404, code: 'not_found' })
  expect(await at.ask('/v1/webhook_endpoints/whe_none/deliveries')).toMatchObject({ status: 404 })
})

test('metrics tell how many deliveries wait, arrived and failed', async () => {
  const told = async () => {
    const text = await (await at.app.request('/metrics')).text()
    const lines = [...text.matchAll(/^preamble_webhook_deliveries\{status="(\w+)"\} (\d+)$/gm)]
    return Object.fromEntries(lines.map(([, status, n]) => [status, Number(n)]))
  }
  await at.openai.webhooks.create({ name: 'r', url: at.receiver, event_types: [succeeded] })
  await at.tell(succeeded, 'ftjob-1')
  await at.deliverDue()
  const before = await told()
  await at.tell(succeeded, 'ftjob-2')
  const after = await told()
  expect(before.succeeded).toBeGreaterThan(0)
  expect(after.pending).toBeGreaterThan(before.pending ?? 0)
  expect(after.succeeded).toBe(before.succeeded)
})
