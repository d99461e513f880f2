/** The memory that the keys and values of all bases share. */
import { defaultCacheBytes, settings } from '../settings.ts'

/** The cache of one base. */
export interface Sharer {
  /** What it takes. */
  readonly bytes: number
  /** Forgets what nobody uses until there is enough room; whether there is. */
  evict(enough: () => boolean): boolean
  /** There may be room now. */
  wake(): void
}

export class Budget {
  readonly bytes: number
  readonly #sharers = new Set<Sharer>()
  /** Those whose next text found no room, in the order they came: else small texts of one base could keep another out. */
  readonly #line = new Set<Sharer>()

  constructor(bytes: number) {
    this.bytes = bytes
  }

  get taken(): number {
    return [...this.#sharers].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  join(sharer: Sharer): void {
    this.#sharers.add(sharer)
  }

  /** Whether there is room for more bytes, now that what nobody uses is forgotten as far as it must: its own before others'. */
  makeRoom(sharer: Sharer, bytes: number): boolean {
    const enough = () => this.taken + bytes <= this.bytes
    return [sharer, ...this.#sharers].some((each) => each.evict(enough))
  }

  /** The same for a text that is to be let in. */
  admit(sharer: Sharer, bytes: number): boolean {
    const [first = sharer] = this.#line
    const admitted = first === sharer && this.makeRoom(sharer, bytes)
    if (admitted) this.leave(sharer)
    else this.#line.add(sharer)
    return admitted
  }

  /** Says that it lets nobody in for now. */
  leave(sharer: Sharer): void {
    if (this.#line.delete(sharer)) this.freed()
  }

  /** Says that there may be room. */
  freed(): void {
    for (const sharer of this.#line) sharer.wake()
  }
}

/** That of this thread. */
export const cacheBudget = new Budget(settings.cacheBytes ?? defaultCacheBytes)
