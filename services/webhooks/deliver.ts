import { and, eq, isNotNull, isNull, lte, sql } from 'drizzle-orm'
import type { DeliveryAttempt } from '../../contract/webhook.ts'
import type { Database } from '../../infra/db/client.ts'
import { unixSeconds, webhookDeliveries, webhookEndpoints } from '../../infra/db/tables/index.ts'
import type { Log } from '../../infra/log.ts'
import { waitAfter } from './back-off.ts'
import type { Claimed } from './claim-delivery.ts'
import { type EndpointRow, secretsOf } from './endpoint.ts'
import { toEvent } from './event.ts'
import { type Network, Unreachable } from './network.ts'
import { post } from './post.ts'
import { signedHeaders } from './sign.ts'

export type DeliverDeps = {
  db: Database
  network: Network
  log: Log
  now: () => Date
  /** From 0 to 1, for the back-off. */
  random: () => number
}

/** An endpoint that nothing has reached for so long is paused: longer than any event is tried, 72 h. */
const patience = 5 * 24 * 3_600_000 // ms

/** Sends a claimed delivery once and writes down how that went. */
export async function deliver(deps: DeliverDeps, claimed: Claimed): Promise<void> {
  const attempt = await send(deps, claimed)
  const { delivery, endpoint, event } = claimed
  const told = { endpoint: endpoint.id, event: event.id, status: attempt.status_code, ms: attempt.ms }
  const succeeded = attempt.error === null
  deps.log[succeeded ? 'info' : 'warn'](told, succeeded ? 'delivered' : 'could not deliver')
  const { claim } = delivery
  const [ours] = await deps.db
    .update(webhookDeliveries)
    .set({
      attempts: sql`${webhookDeliveries.attempts} || ${JSON.stringify([attempt])}::jsonb`,
      ...(succeeded ? success : failure(deps, delivery.failures + 1)),
    })
    .where(and(eq(webhookDeliveries.id, delivery.id), eq(webhookDeliveries.claim, claim)))
    .returning({ id: webhookDeliveries.id })
  if (!ours) return // put in line again meanwhile, or deleted
  const paused = await noteHealth(deps.db, endpoint.id, succeeded, deps.now())
  if (paused) deps.log.warn({ endpoint: endpoint.id }, 'the endpoint is dead and paused')
}

const success = { status: 'succeeded', dueAt: null } as const

function failure({ now, random }: DeliverDeps, failures: number) {
  const wait = waitAfter(failures, random())
  return wait === undefined
    ? ({ status: 'failed', failures, dueAt: null } as const)
    : { failures, dueAt: new Date(now().getTime() + wait) }
}

async function send({ network, now }: DeliverDeps, { endpoint, event }: Claimed): Promise<DeliveryAttempt> {
  const at = now()
  const start = performance.now()
  const body = JSON.stringify(toEvent(event))
  const headers = signedHeaders({ id: event.id, body, at }, secretsOf(endpoint, at))
  const told = (rest: Pick<DeliveryAttempt, 'status_code' | 'response' | 'error'>): DeliveryAttempt => ({
    at: unixSeconds(at),
    ms: Math.round(performance.now() - start),
    ...rest,
  })
  try {
    const { status, response } = await post(network, new URL(endpoint.url), headers, body)
    return told({ status_code: status, response, error: problemOf(status) })
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return told({ status_code: null, response: null, error: error.message })
  }
}

/** Why this status is no success; null: it is one. */
function problemOf(status: number): string | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return `the answer was a redirect (${status}), which is not followed`
  return `the answer was ${status}; any 2xx is a success`
}

/** Keeps since when an endpoint fails; true: that was too long, and it is paused now. */
async function noteHealth(db: Database, id: EndpointRow['id'], succeeded: boolean, now: Date) {
  const { failingSince, status } = webhookEndpoints
  const one = eq(webhookEndpoints.id, id)
  if (succeeded) {
    await db
      .update(webhookEndpoints)
      .set({ failingSince: null })
      .where(and(one, isNotNull(failingSince)))
    return false
  }
  await db
    .update(webhookEndpoints)
    .set({ failingSince: now })
    .where(and(one, isNull(failingSince)))
  const dead = lte(failingSince, new Date(now.getTime() - patience))
  const paused = await db
    .update(webhookEndpoints)
    .set({ status: 'paused' })
    .where(and(one, dead, eq(status, 'active')))
    .returning({ id: webhookEndpoints.id })
  return paused.length > 0
}
