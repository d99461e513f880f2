import { setTimeout as sleep } from 'node:timers/promises'
import { type SweepDeps, sweep } from './sweep.ts'

const everyMs = 3_600_000

/** Sweeps now and every hour, until it is stopped. */
export function startSweeping(deps: SweepDeps): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  async function loop(): Promise<void> {
    while (!signal.aborted) {
      await sweep(deps, { signal }).catch((error: unknown) => {
        if (!signal.aborted) deps.log.error({ err: error }, 'could not sweep')
      })
      await sleep(everyMs, undefined, { signal }).catch(() => {})
    }
  }
  const ended = loop()
  return {
    async stop() {
      stopping.abort()
      await ended
    },
  }
}
