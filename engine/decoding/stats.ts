/** What the thread that serves is doing. */
export type EngineStats = {
  /** Requests that wait for a place among those that run. */
  queued: number
  /** Sequences that are being read or written. */
  running: number
  /** Runs of the graph so far: one for each piece of a prompt and for each token that follows. */
  steps: number
  /** Pieces of the key-value cache; absent where sequences do not share one. */
  cacheChunks?: { used: number; total: number }
}

/** Written by whoever serves in this thread. */
export const counters: EngineStats = { queued: 0, running: 0, steps: 0 }

/** Counts a sequence as running until it is disposed of. */
export function countRunning(): Disposable {
  counters.running += 1
  return {
    [Symbol.dispose]() {
      counters.running -= 1
    },
  }
}

export async function* stats(): AsyncGenerator<EngineStats> {
  yield counters
}
