/** A worker's loop: it takes what is due, one thing at a time, and holds it by a lease that it renews. */
import { setTimeout as sleep } from 'node:timers/promises'
import { leaseMs as usualLease } from './db/lease.ts'
import type { Log } from './log.ts'

export type Work<T> = {
  /** Takes what has waited longest, for so long; undefined: nothing waits. */
  claim(leaseMs: number): Promise<T | undefined>
  /** Holds it for so long from now, unless another worker has taken it; 0 lets it go. */
  hold(item: T, leaseMs: number): Promise<unknown>
  /**
   * Does it, and writes down how it ended. What it throws has it done again, soon, by whoever comes first. `signal` says
   * that the process stops; what is not done by then is another's.
   */
  handle(item: T, signal: AbortSignal): Promise<void>
  /** How long it waits after work on it threw; a second when absent. */
  retryMs?(item: T): Promise<number>
}

export type Pace = { leaseMs?: number; pollMs?: number }

/** How soon what waits is seen, and with it what a worker held that died: a lease and a poll are less than 15 s. */
export const usualPoll = 500 // ms
/** Renewals in a lease: two may fail before it runs out. */
const renewals = 3
const usualRetry = 1000 // ms

/**
 * Works until it is stopped. The timer that renews lives in the thread that this is called in: whoever blocks it for
 * longer than a lease is taken for dead.
 */
export function startWork<T>(
  work: Work<T>,
  log: Log,
  { leaseMs = usualLease, pollMs = usualPoll }: Pace = {},
): { stop(patienceMs?: number): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  const pause = (ms: number, until: AbortSignal) => sleep(ms, undefined, { signal: until }).catch(() => {})

  /** Does one thing, if there is one. */
  async function next(): Promise<boolean> {
    const item = await work.claim(leaseMs)
    if (item === undefined) return false
    const over = new AbortController()
    const renewing = renew(item, over.signal)
    let wait = 0
    try {
      await work.handle(item, signal)
    } catch (error) {
      if (!signal.aborted) {
        log.error({ err: error }, 'work failed, and is tried again')
        wait = (await work.retryMs?.(item).catch(() => undefined)) ?? usualRetry
      }
    } finally {
      over.abort()
      await renewing
      await work
        .hold(item, wait)
        .catch((error) =>
          log.error({ err: error }, 'could not let go of what was done; its lease has to run out'),
        )
    }
    return true
  }

  async function renew(item: T, over: AbortSignal): Promise<void> {
    for (;;) {
      await pause(leaseMs / renewals, over)
      if (over.aborted) return
      await work.hold(item, leaseMs).catch((error) => log.warn({ err: error }, 'could not renew a lease'))
    }
  }

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      const worked = await next().catch((error) => log.error({ err: error }, 'could not look for work'))
      if (!worked) await pause(pollMs, signal)
    }
  }

  const ended = loop()
  return {
    /** Tells what is in progress through its signal, and waits for it to end, for so long at most. */
    async stop(patienceMs = 10_000) {
      stopping.abort()
      const enough = new AbortController()
      await Promise.race([ended, pause(patienceMs, enough.signal)])
      enough.abort()
    },
  }
}
