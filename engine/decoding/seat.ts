import type { StoredAdapter } from '../adapters/peft.ts'
import { newSequence, type Sequence } from './chunks.ts'

/** What a reader waits for: the logits behind the last token, and `score` those behind each. */
export type Wish = {
  resolve(logits: Float32Array): void
  reject(reason: unknown): void
  score?: (logits: Float32Array) => void
}

/** One text in the engine: what is to be read of it, and what is. */
export class Seat {
  readonly adapter: StoredAdapter
  /** What was read of it is found again by the same tenant only. */
  readonly tenant: string
  readonly sequence: Sequence = newSequence()
  /** All its tokens, of which the cached rows stand for the first `read`. */
  readonly tokens: number[] = []
  wish: Wish | undefined
  /** Tokens that were there before it came, once it has a place. */
  cachedTokens: number | undefined
  /** Tokens that were scored; when its rows had to go and are read again, they are not scored twice. */
  #scored = 0

  constructor(adapter: StoredAdapter, tenant: string, unplaced: number) {
    this.adapter = adapter
    this.tenant = tenant
    this.sequence.unplaced = unplaced
  }

  get read(): number {
    return Math.max(0, this.sequence.length - (this.adapter.prefix?.tokens ?? 0))
  }

  /** Takes the logits behind its tokens from `first` on; those behind the last of all are what was waited for. */
  take(first: number, logits: readonly Float32Array[]): void {
    const { wish } = this
    if (!wish) return
    for (const [i, row] of logits.entries()) {
      if (!wish.score || first + i < this.#scored) continue
      wish.score(row)
      this.#scored = first + i + 1
    }
    if (this.read < this.tokens.length) return
    this.wish = undefined
    wish.resolve(logits.at(-1)!)
  }
}
