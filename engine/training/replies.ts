import type { Adapter, Parameters } from '../adapters/adapter.ts'
import { positionOf, type Sequence } from '../decoding/chunks.ts'
import { Decoder } from '../decoding/decoder.ts'
import { chunkRows } from '../decoding/graph.ts'
import { argmax } from '../decoding/largest.ts'
import { type Scores, scoresOf } from '../metrics/scores.ts'
import type { Binding, Model } from '../models/model.ts'
import type { Chat } from '../text/chat.ts'
import { longestOf, type Samples } from './sample-sets.ts'

export type RepliesOptions = {
  model: Model
  /** The frozen base. */
  base: Binding
  adapter: Pick<Adapter, 'bind' | 'prefix'>
  chat: Chat
  /** Tokens of a reply, at most; what the context window leaves may be less. */
  maxNewTokens: number
  /** Replies that are written together, at most. */
  atOnce: number
}

/** Replies that are written together share this for their keys and values; one may take more. */
const cacheBytes = 2 ** 29

/** A reply that is being written: of which sample, its tokens so far, and how many there may be. */
type Writing = { index: number; sequence: Sequence; tokens: number[]; limit: number }

/** Greedy replies of a base with an adapter in training, beside those of a dev set. */
export class Replies {
  readonly #options: RepliesOptions
  readonly #decoder: Decoder
  readonly #stops: ReadonlySet<number>

  private constructor(options: RepliesOptions, decoder: Decoder) {
    this.#options = options
    this.#decoder = decoder
    this.#stops = new Set(options.chat.stopIds())
  }

  static async open(options: RepliesOptions): Promise<Replies> {
    const { model, base, adapter } = options
    // Training leaves no memory for packed copies of the weights.
    return new Replies(options, await Decoder.open(model, adapter.bind(base), { prepack: false }))
  }

  /**
   * Scores of the replies to the last turn of each sample; there must be one.
   * @throws an AbortError between two tokens when `signal` says to stop
   */
  async scores(samples: Samples, parameters: Parameters, signal?: AbortSignal): Promise<Scores> {
    const { adapter, chat } = this.#options
    const prefix = await adapter.prefix?.(parameters)
    const fed = { parameters: prefix ? new Map() : parameters }
    const atOnce = this.#atOnce(samples, prefix?.tokens ?? 0)
    const pairs: { reply: string; target: string }[] = []
    const waiting = samples.lengths.keys()
    const writing = new Set<Writing>()

    const begin = async (index: number) => {
      const { tokens, targets } = samples.at(index)
      const prompt = tokens.slice(0, lastReply(targets))
      const one: Writing = { index, sequence: this.#decoder.start(prefix), tokens: [], limit: 0 }
      one.limit = this.#limit(one.sequence, prompt.length)
      writing.add(one)
      if (one.limit <= 0) return end(one)
      const logits = await this.#decoder.read(one.sequence, prompt, fed)
      this.#decoder.chunks.write(one.sequence)
      take(one, logits)
    }
    const take = (one: Writing, logits: Float32Array) => {
      const token = argmax(logits.subarray(0, chat.tokenizer.size))
      if (this.#stops.has(token)) return end(one)
      one.tokens.push(token)
      if (one.tokens.length === one.limit) end(one)
    }
    const end = (one: Writing) => {
      writing.delete(one)
      this.#decoder.chunks.leave(one.sequence)
      const { tokens, targets } = samples.at(one.index)
      const target = tokens.slice(lastReply(targets), targets.at(-1))
      pairs[one.index] = { reply: textOf(chat, one.tokens), target: textOf(chat, target) }
    }

    for (;;) {
      signal?.throwIfAborted()
      const next = writing.size < atOnce ? waiting.next() : undefined
      if (next && !next.done) await begin(next.value)
      else if (writing.size > 0) {
        const all = [...writing]
        const turns = all.map(({ sequence, tokens }) => ({ sequence, tokens: tokens.slice(-1) }))
        const logits = await this.#decoder.step(turns, fed)
        for (const [i, one] of all.entries()) take(one, logits[i]!)
      } else return scoresOf(pairs)
    }
  }

  /** Tokens that a reply may have. */
  #limit(sequence: Sequence, prompt: number): number {
    const { model, maxNewTokens } = this.#options
    return Math.min(maxNewTokens, model.maxPositions - positionOf(sequence) - prompt)
  }

  #atOnce(samples: Samples, prefix: number): number {
    const { atOnce, maxNewTokens } = this.#options
    const rows = prefix + longestOf(samples) + maxNewTokens
    const each = Math.ceil(rows / chunkRows) * this.#decoder.chunks.bytes
    return Math.max(1, Math.min(atOnce, Math.floor(cacheBytes / each)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#decoder[Symbol.asyncDispose]()
  }
}

/** Where the last reply of a sample begins: its targets follow one another. */
function lastReply(targets: readonly number[]): number {
  let i = targets.length - 1
  while (i > 0 && targets[i - 1] === targets[i]! - 1) i--
  return targets[i]!
}

/** A reply's text as serving tells it: a character that never ended is no part of it. */
function textOf(chat: Chat, tokens: readonly number[]): string {
  const stream = chat.replyStream()
  return tokens.map((token) => stream.push(token)).join('')
}
