import type { Adapter, Parameters } from '../adapters/adapter.ts'
import { positionOf, type Sequence } from '../decoding/chunks.ts'
import { Decoder } from '../decoding/decoder.ts'
import { argmax } from '../decoding/largest.ts'
import { type Scores, scoresOf } from '../metrics/scores.ts'
import type { Binding, Model } from '../models/model.ts'
import type { Chat } from '../text/chat.ts'
import type { Samples } from './sample-sets.ts'

export type RepliesOptions = {
  model: Model
  /** The frozen base. */
  base: Binding
  adapter: Pick<Adapter, 'bind' | 'prefix'>
  chat: Chat
  /** Tokens of a reply, at most; what the context window leaves may be less. */
  maxNewTokens: number
}

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
    const pairs = []
    for (const i of samples.lengths.keys()) {
      const { tokens, targets } = samples.at(i)
      const start = lastReply(targets)
      const sequence = this.#decoder.start(prefix)
      const reply = await this.#reply(
        tokens.slice(0, start),
        sequence,
        prefix ? new Map() : parameters,
        signal,
      )
      this.#decoder.chunks.leave(sequence)
      pairs.push({ reply: textOf(chat, reply), target: textOf(chat, tokens.slice(start, targets.at(-1))) })
    }
    return scoresOf(pairs)
  }

  async #reply(
    prompt: readonly number[],
    sequence: Sequence,
    parameters: Parameters,
    signal?: AbortSignal,
  ): Promise<number[]> {
    const { model, chat, maxNewTokens } = this.#options
    const limit = Math.min(maxNewTokens, model.maxPositions - positionOf(sequence) - prompt.length)
    const reply: number[] = []
    let read = prompt
    while (reply.length < limit) {
      signal?.throwIfAborted()
      const logits = await this.#decoder.read(sequence, read, { parameters })
      const token = argmax(logits.subarray(0, chat.tokenizer.size))
      if (this.#stops.has(token)) break
      reply.push(token)
      read = [token]
    }
    return reply
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
