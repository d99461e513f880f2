/** A value, and which of several streams it came from. */
export type From<T> = { index: number; value: T }

/**
 * The values of several streams as they come, once each has its first; what one throws ends all. So nothing is told of
 * any where one fails at once.
 */
export async function* merge<T>(streams: readonly AsyncGenerator<T, void, void>[]): AsyncGenerator<From<T>> {
  const next = (index: number) => {
    const value = streams[index]!.next().then((result) => ({ index, result }))
    value.catch(() => {}) // thrown below, when it is its turn; by then it may long have failed
    return value
  }
  try {
    const begun = await Promise.all(streams.map((_, index) => next(index)))
    const pending = new Map(begun.map((first) => [first.index, Promise.resolve(first)]))
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values())
      pending.delete(index)
      if (result.done) continue
      pending.set(index, next(index)) // behind the others: of those that wait, no stream goes first twice
      yield { index, value: result.value }
    }
  } finally {
    await Promise.allSettled(streams.map((stream) => stream.return()))
  }
}
