import { setTimeout as sleep } from 'node:timers/promises'
import { claimDelivery } from './claim-delivery.ts'
import { type DeliverDeps, deliver } from './deliver.ts'
import type { EndpointRow } from './endpoint.ts'
import { forgetOld } from './forget.ts'

const pollMs = 500
const forgetMs = 3_600_000

/** At a time, and of them to one endpoint: one that is slow must not hold the others up. */
const most = 32
const mostToOne = 4

/** Delivers what is due until it is stopped, and then waits for what is on its way: 20 s at most. */
export function startDelivering(deps: DeliverDeps): { stop(): Promise<void> } {
  const { db, log, now } = deps
  const stopping = new AbortController()
  const running = new Map<Promise<void>, EndpointRow['id']>()
  let forgetAt = 0

  /** Sends one more, if there is one. */
  async function next(): Promise<boolean> {
    const to = [...running.values()]
    const busy = to.filter((id) => to.filter((other) => other === id).length >= mostToOne)
    const claimed = running.size < most ? await claimDelivery(db, now(), [...new Set(busy)]) : undefined
    if (!claimed) return false
    const sent = deliver(deps, claimed)
      .catch((error: unknown) => log.error({ delivery: claimed.delivery.id, err: error }, 'delivery'))
      .finally(() => running.delete(sent))
    running.set(sent, claimed.endpoint.id)
    return true
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        if (now().getTime() >= forgetAt) {
          forgetAt = now().getTime() + forgetMs
          await forgetOld(db, now())
        }
        if (await next()) continue
      } catch (error) {
        log.error({ err: error }, 'deliveries')
      }
      await sleep(pollMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
    await Promise.all(running.keys())
  }

  const ended = loop()
  return {
    async stop() {
      stopping.abort()
      await ended
    },
  }
}
