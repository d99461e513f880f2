/** What goes wrong, and when: decided by the seed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../engine/random.ts'
import type { Postgres } from './postgres.ts'
import type { Process } from './processes.ts'
import type { Storage } from './storage.ts'

export type Troubled = { processes: readonly Process[]; postgres: Postgres; storage: Storage }
export type Counts = { postgres: number; outages: number }

/** Calls to the storage that fail at any time. */
const usualFailures = 0.1

/** One trouble after the other until `signal` aborts; what a trouble lasts, the next one may come into. */
export async function makeTrouble(
  { processes, postgres, storage }: Troubled,
  random: Random,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  const between = (least: number, most: number) => least + (most - least) * random.uniform()
  const workers = processes.filter(({ name }) => name.startsWith('train-worker'))
  const oneOf = (some: readonly Process[]) => some[random.below(some.length)]!
  const lasting: Promise<unknown>[] = []
  let restarting: Promise<void> | undefined
  storage.fail(usualFailures)
  while (!signal.aborted) {
    await sleep(between(1500, 5500), undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const lot = random.uniform()
    if (lot < 0.38) oneOf(workers).kill(between(0, 2000))
    else if (lot < 0.74) oneOf(processes).kill(between(0, 2000))
    else if (lot < 0.84)
      oneOf(workers).suspend(between(3000, 20_000)) // some longer than a lease
    else if (lot < 0.92) lasting.push(outage(between(2000, 20_000)))
    else if (!restarting) {
      counts.postgres += 1
      restarting = postgres
        .restart(random.below(2) ? 'SIGKILL' : 'SIGQUIT', between(500, 3000))
        .finally(() => {
          restarting = undefined
        })
      lasting.push(restarting)
    }
  }
  await Promise.all(lasting)
  storage.fail(0)

  /** For longer than any call is tried. */
  async function outage(ms: number): Promise<void> {
    counts.outages += 1
    storage.fail(1)
    await sleep(ms)
    storage.fail(usualFailures)
  }
}
