import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WebhookDelivery } from '../../contract/webhook.ts'
import { webhookDeliveries, webhookEvents } from '../../infra/db/tables/index.ts'
import { claimDelivery } from './claim-delivery.ts'
import { deliver } from './deliver.ts'
import { forgetOld } from './forget.ts'
import { startDelivering } from './start.ts'
import { hour, type Received, setUp } from './webhooks.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
beforeEach(async () => {
  at = await setUp()
})
afterEach(() => at.tearDown())

const succeeded = 'fine_tuning.job.succeeded'
const create = (url = at.receiver) =>
  at.openai.webhooks.create({ name: 'r', url, event_types: [succeeded, 'fine_tuning.job.failed'] })
const unwrap = ({ body, headers }: Received, secret: string, tolerance?: number) =>
  at.openai.webhooks.unwrap(body, headers as Record<string, string>, secret, tolerance)
const log = async (id: string) =>
  (await at.ask(`/v1/webhook_endpoints/${id}/deliveries`)).body.data as WebhookDelivery[]
const post = (path: string) => at.ask(`/v1/webhook_endpoints/${path}`, { method: 'POST' })

describe('the OpenAI client', () => {
  test('unwraps a delivery, and refuses a changed body, an old one and another secret', async () => {
    const { signing_secret } = await create()
    await at.tell(succeeded, 'ftjob-1')
    await at.deliverDue()
    const [delivery] = at.received as [Received]
    const event = await unwrap(delivery, signing_secret)
    expect(event).toEqual({
      id: expect.stringMatching(/^evt_/),
      object: 'event',
      created_at: expect.any(Number),
      type: succeeded,
      data: { id: 'ftjob-1' },
    })
    expect(delivery.headers['webhook-id']).toBe(event.id)

    const wrong = OpenAI.InvalidWebhookSignatureError
    const changed = { ...delivery, body: delivery.body.replace('ftjob-1', 'ftjob-2') }
    await expect(unwrap(changed, signing_secret)).rejects.toThrow(wrong)
    await expect(unwrap(delivery, `whsec_${btoa('another')}`)).rejects.toThrow(wrong)
    // Sent six minutes ago, signed as it should be.
    at.later(-420_000) // the clock of these tests is a minute ahead
    await at.openai.webhooks.test((await at.openai.webhooks.list()).data[0]!.id, { event_type: succeeded })
    await expect(unwrap(at.received[1]!, signing_secret)).rejects.toThrow(/too old/)
    await unwrap(at.received[1]!, signing_secret, 400)
  })

  test('takes the old secret for 24 hours when it is kept, and not at all when it is not', async () => {
    const { id, signing_secret: first } = await create()
    const keep = { keep_old_secret_active_for_24_hours: true }
    const { signing_secret: second } = await at.openai.webhooks.rotateSecret(id, keep)
    const sent = async () => {
      await at.openai.webhooks.test(id, { event_type: succeeded })
      return at.received.at(-1)!
    }
    const day = 25 * 3600 // s, for a clock that is ahead
    const both = await sent()
    await unwrap(both, first)
    await unwrap(both, second)

    at.later(24 * hour - 1)
    await unwrap(await sent(), first, day)
    at.later(1)
    const late = await sent()
    await unwrap(late, second, day)
    await expect(unwrap(late, first, day)).rejects.toThrow(OpenAI.InvalidWebhookSignatureError)
    at.later(-24 * hour)

    await at.openai.webhooks.rotateSecret(id, keep)
    const { signing_secret: third } = await at.openai.webhooks.rotateSecret(id)
    const last = await sent()
    await unwrap(last, third)
    for (const old of [first, second])
      await expect(unwrap(last, old)).rejects.toThrow(OpenAI.InvalidWebhookSignatureError)
  })
})

test('a receiver that fails and then works gets each event, with the id of the first attempt', async () => {
  const { id } = await create()
  await at.tell(succeeded, 'ftjob-1')
  await at.tell('fine_tuning.job.failed', 'ftjob-2')
  at.answer.status = 500
  at.answer.body = 'not \0 today'
  expect(await at.deliverDue()).toBe(2)
  expect(await at.deliverDue()).toBe(0) // not before its time
  at.later(4999)
  expect(await at.deliverDue()).toBe(0)
  at.later(1)
  expect(await at.deliverDue()).toBe(2)
  at.answer.status = 200
  at.later(10_000)
  expect(await at.deliverDue()).toBe(2)
  at.later(100 * hour)
  expect(await at.deliverDue()).toBe(0)

  const ids = at.received.map(({ headers }) => headers['webhook-id'])
  expect(ids).toHaveLength(6)
  expect(new Set(ids).size).toBe(2)
  for (const event of new Set(ids)) expect(ids.filter((one) => one === event)).toHaveLength(3)
  const delivery = (await log(id)).find(({ event }) => event.data.id === 'ftjob-1')
  expect(delivery).toMatchObject({ object: 'webhook_delivery', status: 'succeeded', next_attempt_at: null })
  const failed = {
    status_code: 500,
    response: 'not today',
    error: 'the answer was 500; any 2xx is a success',
  }
  expect(delivery?.attempts).toMatchObject([failed, failed, { status_code: 200, error: null }])
  expect((await at.ask(`/v1/webhook_endpoints/${id}`)).body).toMatchObject({ failing_since: null })
})

test('a receiver that says nothing is waited for no longer than is allowed', async () => {
  const { id } = await create()
  await at.tell(succeeded, 'ftjob-1')
  at.answer.silent = true
  at.deps.network.timeout = 50
  await at.deliverDue()
  expect((await log(id))[0]!.attempts).toMatchObject([
    { status_code: null, error: 'hooks.test: no answer within 0.05 s' },
  ])
})

test('only what an endpoint asked for, and while it is active, is told to it', async () => {
  const { id } = await create()
  await at.tell('preamble.dataset.ready', 'ds_1')
  await at.ask(`/v1/webhook_endpoints/${id}`, {
    method: 'POST',
    body: JSON.stringify({ status: 'paused' }),
    headers: { 'content-type': 'application/json' },
  })
  await at.tell(succeeded, 'ftjob-1')
  expect(await at.db.select().from(webhookEvents)).toEqual([])
})

test('an event whose time is up has failed, and is sent again by hand', async () => {
  const { id } = await create()
  await at.tell(succeeded, 'ftjob-1')
  at.answer.status = 503
  const start = at.deps.now().getTime()
  let sent = 0
  for (let [row] = await log(id); row?.status === 'pending'; [row] = await log(id)) {
    // Told in whole seconds, so that a second more is surely there.
    at.later(Math.max(0, (row.next_attempt_at! + 1) * 1000 - at.deps.now().getTime()))
    sent += await at.deliverDue()
  }
  const hours = (at.deps.now().getTime() - start) / hour
  expect(hours).toBeGreaterThan(71)
  expect(hours).toBeLessThan(72)
  const delivery = (await log(id))[0]!
  expect(delivery).toMatchObject({ status: 'failed', next_attempt_at: null })
  expect([sent, delivery.attempts.length]).toEqual([24, 24])

  at.answer.status = 204
  const again = await post(`${id}/deliveries/${delivery.id}/redeliver`)
  expect(again).toMatchObject({ status: 200, body: { id: delivery.id, status: 'pending' } })
  expect(await at.deliverDue()).toBe(1)
  expect(new Set(at.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect((await log(id))[0]).toMatchObject({ status: 'succeeded' })
  expect(await post(`${id}/deliveries/whd_none/redeliver`)).toMatchObject({ status: 404 })
})

test('an endpoint that nothing has reached for five days is paused, until it is taken up', async () => {
  const { id } = await create()
  await at.tell(succeeded, 'ftjob-1')
  at.answer.status = 500
  await at.deliverDue()
  at.later(120 * hour - 1)
  await at.tell(succeeded, 'ftjob-2')
  await at.deliverDue()
  const endpoint = async () => (await at.ask(`/v1/webhook_endpoints/${id}`)).body
  expect(await endpoint()).toMatchObject({ status: 'active', failing_since: expect.any(Number) })
  at.later(2 * hour)
  expect(await at.deliverDue()).toBe(1) // the first of the two that are due shows that it is dead
  expect(await endpoint()).toMatchObject({ status: 'paused' })
  at.later(hour)
  expect(await at.deliverDue()).toBe(0)
  const delivery = (await log(id))[0]!
  expect(await post(`${id}/deliveries/${delivery.id}/redeliver`)).toMatchObject({ status: 409 })

  at.answer.status = 200
  const taken = await at.ask(`/v1/webhook_endpoints/${id}`, {
    method: 'POST',
    body: JSON.stringify({ status: 'active' }),
    headers: { 'content-type': 'application/json' },
  })
  expect(taken.body).toMatchObject({ status: 'active', failing_since: null })
  expect(await at.deliverDue()).toBe(2)
})

test('what a dead worker has taken is sent by another, and the dead one cannot write when it wakes', async () => {
  const { id } = await create()
  await at.tell(succeeded, 'ftjob-1')
  const dead = (await claimDelivery(at.db, at.deps.now()))!
  expect(await claimDelivery(at.db, at.deps.now())).toBeUndefined()
  at.later(60_000)
  expect(await at.deliverDue()).toBe(1)
  at.answer.status = 500
  await deliver(at.deps, dead)
  expect((await log(id))[0]).toMatchObject({ status: 'succeeded', attempts: [{ status_code: 200 }] })
})

test('a deleted endpoint takes its deliveries along, and old events are forgotten', async () => {
  const { id } = await create()
  await at.tell(succeeded, 'ftjob-1')
  await at.tell(succeeded, 'ftjob-2')
  const claimed = (await claimDelivery(at.db, at.deps.now()))!
  await deliver(at.deps, claimed)
  at.later(31 * 24 * hour)
  await forgetOld(at.db, at.deps.now())
  // What still waits is kept.
  expect((await log(id)).map(({ status }) => status)).toEqual(['pending'])
  await at.openai.webhooks.delete(id)
  expect(await at.db.select().from(webhookDeliveries)).toEqual([])
  await forgetOld(at.db, at.deps.now())
  expect(await at.db.select().from(webhookEvents)).toEqual([])
})

test('two workers send each event once, and end when they are stopped', async () => {
  await create()
  const subjects = Array.from({ length: 20 }, (_, i) => `ftjob-${i}`)
  for (const subject of subjects) await at.tell(succeeded, subject)
  const workers = [startDelivering(at.deps), startDelivering(at.deps)]
  await expect.poll(() => at.received.length, { timeout: 10_000 }).toBe(subjects.length)
  await Promise.all(workers.map((worker) => worker.stop()))
  const told = at.received.map(({ body }) => JSON.parse(body).data.id)
  expect(told.sort()).toEqual(subjects.sort())
  expect(await claimDelivery(at.db, new Date(Date.now() + 100 * hour))).toBeUndefined()
})
