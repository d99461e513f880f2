/** After the chaos: all works again, and what is left to be done is waited for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eq, inArray } from 'drizzle-orm'
import { jobs, webhookDeliveries } from '../../infra/db/tables/index.ts'
import type { World } from './world.ts'

/** Waits for the users, the jobs and the webhooks; answers what has not settled within `limit` ms. */
export async function calm(
  { postgres: { db } }: World,
  users: Promise<unknown>,
  limit: number,
): Promise<string[]> {
  const deadline = Date.now() + limit
  let served = false
  void users.then(() => {
    served = true
  })
  for (;;) {
    const unended = await db
      .select()
      .from(jobs)
      .where(inArray(jobs.status, ['validating_files', 'queued', 'running', 'paused']))
    const pending = await db.select().from(webhookDeliveries).where(eq(webhookDeliveries.status, 'pending'))
    if (served && unended.length === 0 && pending.length === 0) return []
    if (Date.now() > deadline)
      return [
        ...(served ? [] : ['not every user has what he asked for']),
        ...unended.map(({ id, status }) => `${id} is ${status}`),
        ...pending.map(({ id, failures }) => `${id} has failed ${failures} times and is not delivered`),
      ]
    await sleep(500)
  }
}
