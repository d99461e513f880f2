import type { Parameters } from '../adapters/adapter.ts'
import { gather, input } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import { type Binding, cacheShape, type Model } from '../models/model.ts'
import { causalMask, ropeFeeds, stepInputs, tokenFeeds } from '../models/step.ts'
import { Session, type Value } from '../runtime/session.ts'
import { type KeyValueCache, pastName } from './cache.ts'

const rowsName = (i: number) => `rows.${i}`

/** Tokens of a prompt read at a time: a long one neither holds other streams up nor needs the square of its length. */
const pieceLength = 256

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
   */
  async read(
    tokens: readonly number[],
    cache: KeyValueCache,
    parameters: Parameters = new Map(),
  ): Promise<Float32Array> {
    let logits = new Float32Array()
    for (let i = 0; i < tokens.length; i += pieceLength)
      logits = await this.#readPiece(tokens.slice(i, i + pieceLength), cache, parameters)
    return logits
  }

  async #readPiece(
    tokens: readonly number[],
    cache: KeyValueCache,
    parameters: Parameters,
  ): Promise<Float32Array<ArrayBuffer>> {
    const out = await this.#session.run({
      ...tokenFeeds([tokens], cache.position),
      ...cache.feeds(),
      ...this.#rope,
      ...Object.fromEntries(parameters),
      mask: causalMask(tokens.length, cache.capacity, cache.length),
      rows: { data: BigInt64Array.of(BigInt(tokens.length - 1)), shape: [1] },
    })
    const rows = Array.from(
      { length: 2 * this.model.layers },
      (_, i) => out[rowsName(i)]!.data as Float32Array,
    )
    cache.append(rows, tokens.length)
    return out.logits!.data as Float32Array<ArrayBuffer>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}
