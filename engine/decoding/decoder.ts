import type { Parameters } from '../adapters/adapter.ts'
import type { Lora } from '../adapters/lora-files.ts'
import type { Prefix } from '../adapters/prefix-files.ts'
import type { Binding, LinearModule, Model } from '../models/model.ts'
import { int64, ropeFeeds } from '../models/step.ts'
import { Session, type Value } from '../runtime/session.ts'
import { Chunks, newSequence, positionOf, type Sequence } from './chunks.ts'
import { cacheName, chunkRows, chunkShapes, decodeGraph } from './graph.ts'
import { LoraBatch, withLoras } from './lora-batch.ts'
import { sightFeeds } from './sight.ts'
import { counters } from './stats.ts'

/** Tokens of a prompt read at a time: a long one neither holds other streams up nor needs the square of its length. */
export const pieceLength = 256

/** The same where all their logits are wanted: 16 × 256,000 of them are 16 MB. */
export const scoredLength = 16

/** Whether logits are: one that is not makes all of them none. */
export const isNumbers = (logits: Float32Array): boolean => !Number.isNaN(logits[0])

/** One of a batch: as many new tokens as the others have. */
export type Turn = { sequence: Sequence; tokens: readonly number[]; lora?: Lora }

export type DecoderOptions = {
  /** Packs the base's weights for products of few rows; costs a copy of them. */
  prepack?: boolean
  /** Threads wait in a loop between the nodes of a run: faster where no other session is at work. */
  spin?: boolean
  /** Writes ONNX Runtime's profile to files with this prefix. */
  profile?: string
  /** The modules that LoRAs may adapt; none by default. */
  modules?: readonly LinearModule[]
  /** The cache of another decoder of the same model, to go on with. */
  chunks?: Chunks
}

/** A base model compiled to read the next tokens of any sequences at once, and what is cached of them. */
export class Decoder {
  readonly model: Model
  readonly chunks: Chunks
  readonly #session: Session
  readonly #rope: Record<string, Value>
  readonly #loras: LoraBatch

  private constructor(model: Model, session: Session, chunks: Chunks, modules: readonly LinearModule[]) {
    this.model = model
    this.chunks = chunks
    this.#session = session
    this.#rope = ropeFeeds(model, model.maxPositions)
    this.#loras = new LoraBatch(modules)
  }

  static async open(model: Model, base: Binding, options: DecoderOptions = {}): Promise<Decoder> {
    const { prepack = true, spin, profile, modules = [], chunks = new Chunks(model) } = options
    const session = await Session.open(decodeGraph(model, withLoras(base, modules)), {
      prepack,
      spin,
      profile,
    })
    return new Decoder(model, session, chunks, modules)
  }

  /** A new sequence, behind a prefix that is its own. */
  start(prefix?: Prefix): Sequence {
    const sequence = newSequence()
    if (!prefix) return sequence
    for (const chunk of this.chunks.fromPrefix(prefix)) {
      this.chunks.join(sequence, chunk)
      this.chunks.forget(chunk)
    }
    if (this.model.positionRule === 'from_zero') sequence.unplaced = prefix.tokens
    return sequence
  }

  /** Reads a text after what is cached of its sequence, and returns the logits of what comes next. */
  async read(
    sequence: Sequence,
    tokens: readonly number[],
    { lora, parameters }: { lora?: Lora; parameters?: Parameters } = {},
  ): Promise<Float32Array> {
    let logits: Float32Array[] = []
    for (let i = 0; i < tokens.length; i += pieceLength)
      logits = await this.step([{ sequence, tokens: tokens.slice(i, i + pieceLength), lora }], { parameters })
    return logits[0]!
  }

  /**
   * Reads the next tokens of each, caches their rows, and returns the logits of what comes next, by turn. Where logits are
   * no numbers, nothing is cached, and the other turns are as if that one had not been there.
   * @param parameters those of an adapter that the base was bound with
   * @param every asks for the logits behind each token, not the last of each turn alone
   */
  async step(
    turns: readonly Turn[],
    { parameters = new Map(), every = false }: { parameters?: Parameters; every?: boolean } = {},
  ): Promise<Float32Array[]> {
    const { layers, heads, kvHeads, headDim: d, vocabulary } = this.model
    const batch = turns.map(({ sequence }) => sequence)
    const [B, T] = [turns.length, turns[0]!.tokens.length]
    const { pool, rows } = this.chunks.seenBy(batch)
    const [N, R] = [Math.max(1, pool.chunks.length), rows.chunks.length * chunkRows]
    const chunk = chunkShapes(this.model)
    const cached: Record<string, Value> = {}
    const none = new Float32Array(pool.chunks.length === 0 ? chunkRows * kvHeads * d : 0)
    for (let layer = 0; layer < layers; layer++) {
      const [keys, values] = [0, 1].map((i) => (pool.chunks.length === 0 ? none : pool.parts[2 * layer + i]!))
      cached[cacheName('keys', layer)] = { data: keys!, shape: [N, ...chunk.keys] }
      cached[cacheName('values', layer)] = { data: values!, shape: [N, ...chunk.values] }
      const shape = [R, kvHeads, 1, d]
      cached[cacheName('shared keys', layer)] = { data: rows.parts[2 * layer]!, shape }
      cached[cacheName('shared values', layer)] = { data: rows.parts[2 * layer + 1]!, shape }
    }
    const told = Array.from({ length: every ? B * T : B }, (_, i) => (every ? i : (i + 1) * T - 1))
    const positions = turns.flatMap(({ sequence, tokens }) => tokens.map((_, t) => positionOf(sequence) + t))
    counters.steps += 1
    const out = await this.#session.run({
      tokens: int64(
        turns.flatMap(({ tokens }) => tokens),
        [B, T],
      ),
      positions: int64(positions, [B, T]),
      told: int64(told, [told.length]),
      ...this.#rope,
      ...cached,
      ...sightFeeds(batch, pool.chunks, rows.chunks, T, heads / kvHeads),
      ...Object.fromEntries(parameters),
      ...this.#loras.feeds(turns.map(({ lora }) => lora)),
    })
    const all = out.logits!.data as Float32Array
    const logits = told.map((_, i) => all.subarray(i * vocabulary, (i + 1) * vocabulary))
    if (!logits.every(isNumbers)) {
      if (B === 1) return logits
      const alone: Float32Array[] = []
      for (const turn of turns) alone.push(...(await this.step([turn], { parameters, every })))
      return alone
    }
    const data = out.rows!.data as Float32Array
    for (const [b, sequence] of batch.entries())
      this.chunks.append(sequence, { data, stride: B * T, first: b * T, count: T })
    return logits
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}
