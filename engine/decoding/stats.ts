import { cacheBudget } from './budget.ts'

/** What the thread that serves is doing. */
export type EngineStats = {
  /** Requests that wait for a place among those that run. */
  queued: number
  /** Sequences that are being read or written. */
  running: number
  /** Runs of the graph so far: one for each piece of a prompt and for each token that follows. */
  steps: number
  /** The memory for keys and values. */
  cacheBytes: { used: number; total: number }
}

/** Written by whoever runs a graph in this thread. */
export const counters = { steps: 0 }

/** Those who serve in this thread: one for each base. */
export const serving = new Set<Pick<EngineStats, 'queued' | 'running'>>()

export async function* stats(): AsyncGenerator<EngineStats> {
  const sum = (of: 'queued' | 'running') => [...serving].reduce((total, one) => total + one[of], 0)
  yield {
    ...counters,
    queued: sum('queued'),
    running: sum('running'),
    cacheBytes: { used: cacheBudget.taken, total: cacheBudget.bytes },
  }
}
