/** What webhooks are told of jobs. */
import { asc, eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../../contract/ids.ts'
import { WebhookEventType } from '../../contract/webhook.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { webhookDeliveries, webhookEndpoints, webhookEvents } from '../../infra/db/tables/index.ts'
import { cancelJob } from './cancel-job.ts'
import { advance, type JobId } from './job.ts'
import { say } from './say.ts'
import { setUp } from './train.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
beforeAll(async () => {
  at = await setUp()
  const endpoint = { name: 'r', url: 'https://hooks.test/', eventTypes: WebhookEventType.options, secret: '' }
  await at.db
    .insert(webhookEndpoints)
    .values({ id: newId('webhookEndpoint'), ...endpoint, project: firstProject })
})
beforeEach(() => at.db.delete(webhookEvents))
afterAll(() => at.tearDown())

const told = () =>
  at.db
    .select({ type: webhookEvents.type, subject: webhookEvents.subject })
    .from(webhookEvents)
    .innerJoin(webhookDeliveries, eq(webhookDeliveries.eventId, webhookEvents.id))
    .orderBy(asc(webhookEvents.createdAt))

test('a job that is trained tells its dataset, its checkpoints and its end', async () => {
  const job = await at.create({ training_args: { save_steps: 2 } })
  const id = job.id as JobId
  await at.validate(id)
  await at.run(id)
  const types = (await told()).filter(({ subject }) => subject === id).map(({ type }) => type)
  expect(types).toEqual(['preamble.job.checkpoint', 'fine_tuning.job.succeeded'])
  expect((await told())[0]).toEqual({
    type: 'preamble.dataset.ready',
    subject: expect.stringMatching(/^ds_/),
  })
})

test('a corpus with errors fails its dataset and its job', async () => {
  const { id } = await at.create({ training_file: await at.upload('no answer\n') })
  await at.validate(id as JobId)
  expect(await told()).toEqual([
    { type: 'preamble.dataset.failed', subject: expect.stringMatching(/^ds_/) },
    { type: 'fine_tuning.job.failed', subject: id },
  ])
})

test('a job that is cancelled tells it once', async () => {
  const { id } = await at.create()
  await cancelJob(at, id)
  await cancelJob(at, id).catch(() => {})
  expect(await told()).toEqual([{ type: 'fine_tuning.job.cancelled', subject: id }])
})

test('a change that breaks off leaves neither the new state nor its event', async () => {
  const { id } = await at.create()
  const before = [await at.job(id as JobId), await at.events(id as JobId)]
  const expected = { id: id as JobId, status: ['validating_files'] } as const
  const broken = advance(at.db, expected, { status: 'failed' }, [say('it failed', 'error')], async () => {
    throw new Error('the connection broke')
  })
  await expect(broken).rejects.toThrow('the connection broke')
  expect([await at.job(id as JobId), await at.events(id as JobId)]).toEqual(before)
  expect(await told()).toEqual([])
})
