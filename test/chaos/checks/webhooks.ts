/** Every terminal event has reached the receiver, with a valid signature and under one id. */
import { inArray } from 'drizzle-orm'
import type { Database } from '../../../infra/db/client.ts'
import { jobs, webhookDeliveries, webhookEvents } from '../../../infra/db/tables/index.ts'
import type { Receiver } from '../receiver.ts'
import type { Check } from './check.ts'

export async function checkWebhooks(db: Database, receiver: Receiver): Promise<Check[]> {
  const ended = await db
    .select()
    .from(jobs)
    .where(inArray(jobs.status, ['succeeded', 'failed', 'cancelled']))
  const events = await db.select().from(webhookEvents)
  const deliveries = await db.select().from(webhookDeliveries)

  const untold = ended.flatMap(({ id, status }) => {
    const types = events.filter(({ subject, type }) => subject === id && type.startsWith('fine_tuning.'))
    if (types.length === 1 && types[0]!.type === `fine_tuning.job.${status}`) return []
    return [`${id} is ${status}; its events: ${types.map(({ type }) => type).join(', ') || 'none'}`]
  })
  const missed = events.flatMap(({ id, type, subject }) => {
    const got = receiver.delivered.get(id)
    if (got && got.taken > 0 && got.event.type === type && got.event.data.id === subject) return []
    return [`${id}, ${type} of ${subject}: ${got ? 'never answered well' : 'never came'}`]
  })
  const changed = [...receiver.delivered].flatMap(([id, { bodies }]) =>
    bodies.size === 1 ? [] : [`${id} came with ${bodies.size} bodies`],
  )
  const strange = [...receiver.delivered.keys()].filter((id) => !events.some((event) => event.id === id))
  const unsettled = deliveries.flatMap(({ id, status }) =>
    status === 'succeeded' ? [] : [`${id}: ${status}`],
  )
  const { requests, refused } = receiver.counts
  return [
    { says: `${ended.length} ends are told by one event each`, problems: untold },
    {
      says: `${events.length} events of all types reached the receiver`,
      problems: [...missed, ...unsettled],
    },
    {
      says: `${requests} deliveries, ${refused} of them refused, were signed well, each event under one id`,
      problems: [...receiver.wrong, ...changed, ...strange],
    },
  ]
}
