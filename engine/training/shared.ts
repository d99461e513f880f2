/** What members of a group have in common beside batches. */

/** Something that others may use too; released when it is disposed of. */
export type Shared<T> = AsyncDisposable & { readonly it: T }

/** One thing of each kind: opened for the first who wants it, closed when the last has released it. */
export class Things {
  readonly #entries = new Map<string, { opened: Promise<AsyncDisposable>; users: number }>()

  /** @param kind whoever names the same gets the same */
  async use<T extends AsyncDisposable>(kind: string, open: () => Promise<T>): Promise<Shared<T>> {
    const entry = this.#entries.get(kind) ?? { opened: open(), users: 0 }
    this.#entries.set(kind, entry)
    entry.users += 1
    const release = () => {
      entry.users -= 1
      if (entry.users === 0) this.#entries.delete(kind)
      return entry.users === 0
    }
    try {
      const it = (await entry.opened) as T
      return {
        it,
        [Symbol.asyncDispose]: async () => {
          if (release()) await it[Symbol.asyncDispose]()
        },
      }
    } catch (error) {
      release()
      throw error
    }
  }
}

/** Lets one after the other do what no two may at once. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** A turn, which lasts until it is disposed of. */
  async next(): Promise<Disposable> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    return { [Symbol.dispose]: resolve }
  }
}
