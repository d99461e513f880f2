import { eq } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import { newId } from '../contract/ids.ts'
import { firstProject } from './access/caller.ts'
import { webhookDeliveries, webhookEndpoints } from './db/tables/index.ts'
import { testDatabase } from './db/testing.ts'
import { announce } from './outbox.ts'

const { db, close } = await testDatabase()
afterAll(close)

const endpoint = async (eventTypes: (typeof webhookEndpoints.$inferInsert)['eventTypes']) => {
  const id = newId('webhookEndpoint')
  await db
    .insert(webhookEndpoints)
    .values({ id, project: firstProject, name: 'r', url: 'https://hooks.test/', eventTypes, secret: '' })
  return id
}
const deliveries = () => db.select().from(webhookDeliveries)

test('each endpoint that asked for the type has one delivery, of one event', async () => {
  const ready = [await endpoint(['preamble.dataset.ready']), await endpoint(['preamble.dataset.ready'])]
  await endpoint(['preamble.dataset.failed'])
  await db.transaction((tx) => announce(tx, firstProject, 'preamble.dataset.ready', 'ds_1'))
  const rows = await deliveries()
  expect(rows.map(({ endpointId }) => endpointId).sort()).toEqual(ready.sort())
  expect(new Set(rows.map(({ eventId }) => eventId)).size).toBe(1)
})

test('an endpoint that is deleted at the same moment does not fail what is told', async () => {
  await db.delete(webhookEndpoints)
  const id = await endpoint(['preamble.dataset.ready'])
  const deleting = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  const deletion = db.transaction(async (tx) => {
    await tx.delete(webhookEndpoints).where(eq(webhookEndpoints.id, id))
    deleting.resolve()
    await told.promise
  })
  await deleting.promise
  const announcement = db.transaction(async (tx) => {
    const announced = announce(tx, firstProject, 'preamble.dataset.ready', 'ds_1')
    told.resolve()
    await announced
  })
  await Promise.all([deletion, announcement])
  expect(await deliveries()).toEqual([])
})
