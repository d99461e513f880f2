import type { Parameters } from '../adapters/adapter.ts'
import { gather, input } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import { type Binding, cacheShape, type Model } from '../models/model.ts'
import { causalMask, ropeFeeds, stepInputs, tokenFeeds } from '../models/step.ts'
import { Session, type Value } from '../runtime/session.ts'
import { type KeyValueCache, pastName } from './cache.ts'
import { counters } from './stats.ts'

const rowsName = (i: number) => `rows.${i}`

/** Tokens of a prompt read at a time: a long one neither holds other streams up nor needs the square of its length. */
const pieceLength = 256

/** The same where all their logits are wanted: 16 × 256,000 of them are 16 MB. */
const scoredLength = 16

/** A base model compiled to read tokens after a cache: prompts at once, replies one token at a time. */
export class Decoder {
  readonly model: Model
  readonly #session: Session
  readonly #rope: Record<string, Value>

  private constructor(model: Model, session: Session) {
    this.model = model
    this.#session = session
    this.#rope = ropeFeeds(model, model.maxPositions)
  }

  /** @param prepack packs the base's weights for products of few rows; costs a copy of them */
  static async open(model: Model, base: Binding, prepack = true): Promise<Decoder> {
    const binding: Binding = {
      ...base,
      past: (layer, batch) => {
        const rows = (i: number) => input(pastName(i), cacheShape(model, batch, 'P'))
        return { key: rows(2 * layer), value: rows(2 * layer + 1) }
      },
    }
    const { hidden, rows } = model.forward(binding, stepInputs(model, 'P'))
    const last = gather(hidden, input('rows', ['N'], 'int64'), { distinct: true })
    const outputs: Record<string, Node> = { logits: model.logits(binding, last) }
    for (const [layer, { key, value }] of rows.entries()) {
      outputs[rowsName(2 * layer)] = key
      outputs[rowsName(2 * layer + 1)] = value
    }
    return new Decoder(model, await Session.open(outputs, { prepack }))
  }

  /**
   * Reads `tokens` after what the cache holds, keeps their rows in it, and returns the logits of what comes next.
   * @param parameters of the adapter that the decoder was opened with
   * @param score is told the logits of what comes after each of the tokens, in order
   */
  async read(
    tokens: readonly number[],
    cache: KeyValueCache,
    parameters: Parameters = new Map(),
    score?: (logits: Float32Array) => void,
  ): Promise<Float32Array> {
    const length = score ? scoredLength : pieceLength
    let logits = new Float32Array()
    for (let i = 0; i < tokens.length; i += length) {
      const piece = tokens.slice(i, i + length)
      const rows = await this.#readPiece(piece, cache, parameters, score ? 0 : piece.length - 1)
      for (const row of rows) score?.(row)
      logits = rows.at(-1)!
    }
    return logits
  }

  /** The logits behind each token of the piece from `first` on. */
  async #readPiece(
    tokens: readonly number[],
    cache: KeyValueCache,
    parameters: Parameters,
    first: number,
  ): Promise<Float32Array<ArrayBuffer>[]> {
    counters.steps += 1
    const scored = Array.from({ length: tokens.length - first }, (_, i) => first + i)
    const out = await this.#session.run({
      ...tokenFeeds([tokens], cache.position),
      ...cache.feeds(),
      ...this.#rope,
      ...Object.fromEntries(parameters),
      mask: causalMask(tokens.length, cache.capacity, cache.length),
      rows: { data: BigInt64Array.from(scored, BigInt), shape: [scored.length] },
    })
    const rows = Array.from(
      { length: 2 * this.model.layers },
      (_, i) => out[rowsName(i)]!.data as Float32Array,
    )
    cache.append(rows, tokens.length)
    const logits = out.logits!.data as Float32Array<ArrayBuffer>
    const { vocabulary } = this.model
    return scored.map((_, i) => logits.subarray(i * vocabulary, (i + 1) * vocabulary))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}
