import type { Prefix } from '../adapters/prefix-files.ts'
import type { Model } from '../models/model.ts'
import type { Value } from '../runtime/session.ts'

// Rows by which a cache grows: a copy of everything once in 64 tokens, and at most 63 masked rows a step.
const chunk = 64

/** One layer's keys or values: (kvHeads, capacity, headDim), of which the first `length` rows of each head are used. */
type Rows = Float32Array

/** The keys and values of one sequence, layer by layer. It belongs to the thread that runs the session. */
export class KeyValueCache {
  readonly #model: Model
  #layers: Rows[]
  #capacity = chunk
  #length = 0
  readonly #prefixTokens: number

  constructor(model: Model, prefix?: Prefix) {
    this.#model = model
    this.#prefixTokens = prefix?.tokens ?? 0
    this.#layers = Array.from({ length: 2 * model.layers }, () => this.#empty())
    if (prefix) this.#appendPrefix(prefix)
  }

  /** Rows there is room for; those beyond `length` are zeros. */
  get capacity(): number {
    return this.#capacity
  }

  /** Rows in use, those of a prefix included. */
  get length(): number {
    return this.#length
  }

  /** The position of the next token. */
  get position(): number {
    return this.#length - (this.#model.positionRule === 'from_zero' ? this.#prefixTokens : 0)
  }

  /** What the graph is fed: `past.0`, `past.1`, … with keys at even and values at odd places. */
  feeds(): Record<string, Value> {
    const shape = [1, this.#model.kvHeads, this.#capacity, this.#model.headDim]
    return Object.fromEntries(this.#layers.map((data, i) => [pastName(i), { data, shape }]))
  }

  /** Takes over `count` new rows of every layer, each (kvHeads, count, headDim). */
  append(rows: readonly Float32Array[], count: number): void {
    this.#reserve(this.#length + count)
    const { kvHeads, headDim: d } = this.#model
    for (const [i, from] of rows.entries()) {
      for (let h = 0; h < kvHeads; h++) {
        const at = (h * this.#capacity + this.#length) * d
        this.#layers[i]!.set(from.subarray(h * count * d, (h + 1) * count * d), at)
      }
    }
    this.#length += count
  }

  /** A prefix lies row by row, (tokens, kvHeads, headDim); the cache lies head by head. */
  #appendPrefix({ tokens, keys, values }: Prefix): void {
    const { kvHeads, headDim: d } = this.#model
    const byHead = (rows: Float32Array) => {
      const out = new Float32Array(rows.length)
      for (let t = 0; t < tokens; t++)
        for (let h = 0; h < kvHeads; h++) {
          const from = (t * kvHeads + h) * d
          out.set(rows.subarray(from, from + d), (h * tokens + t) * d)
        }
      return out
    }
    this.append(
      keys.flatMap((key, layer) => [byHead(key), byHead(values[layer]!)]),
      tokens,
    )
  }

  #reserve(rows: number): void {
    if (rows <= this.#capacity) return
    const { kvHeads, headDim: d } = this.#model
    const before = this.#capacity
    this.#capacity = Math.ceil(rows / chunk) * chunk
    this.#layers = this.#layers.map((old) => {
      const grown = this.#empty()
      for (let h = 0; h < kvHeads; h++)
        grown.set(old.subarray(h * before * d, (h * before + this.#length) * d), h * this.#capacity * d)
      return grown
    })
  }

  #empty(): Rows {
    return new Float32Array(this.#model.kvHeads * this.#capacity * this.#model.headDim)
  }
}

/** The graph's input for keys (even) or values (odd) of a layer. */
export const pastName = (i: number): string => `past.${i}`
