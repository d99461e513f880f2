/** What the thread that serves is doing. */
export type EngineStats = {
  /** Requests that wait for a place among those that run. */
  queued: number
  /** Sequences that are being read or written. */
  running: number
  /** Runs of the graph so far: one for each piece of a prompt and for each token that follows. */
  steps: number
  /** Pieces of the key-value cache. */
  cacheChunks: { used: number; total: number }
}

/** Written by whoever runs a graph in this thread. */
export const counters = { steps: 0 }

/** Those who serve in this thread: one for each base. */
export const serving = new Set<Omit<EngineStats, 'steps'>>()

export async function* stats(): AsyncGenerator<EngineStats> {
  const sum = (of: (one: Omit<EngineStats, 'steps'>) => number) =>
    [...serving].reduce((total, one) => total + of(one), 0)
  yield {
    ...counters,
    queued: sum(({ queued }) => queued),
    running: sum(({ running }) => running),
    cacheChunks: {
      used: sum(({ cacheChunks }) => cacheChunks.used),
      total: sum(({ cacheChunks }) => cacheChunks.total),
    },
  }
}
