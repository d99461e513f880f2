import type { Adapter, Parameters } from '../adapters/adapter.ts'
import type { Scores } from '../metrics/scores.ts'
import type { Binding, Model } from '../models/model.ts'
import type { Chat } from '../text/chat.ts'
import { inBatches, type TokenSample } from './batch.ts'
import type { Evaluator, Measures } from './evaluator.ts'
import { Replies } from './replies.ts'
import { longestOf, type Samples } from './sample-sets.ts'
import type { Shared } from './shared.ts'
import type { TrainingArgs } from './training-args.ts'

/** What a dev set says of an adapter; scores only where replies are generated. */
export type Evaluation = Measures & Partial<Scores>

export type DevSetOptions = {
  model: Model
  /** The frozen base. */
  base: Binding
  chat: Chat
  /** At least one. */
  dev: Samples
  args: Pick<
    TrainingArgs,
    'per_device_eval_batch_size' | 'predict_with_generate' | 'generation_max_new_tokens'
  >
}

/** Measures a base with an adapter, or bare, on a dev set: by its loss and, if asked for, by its replies. */
export class DevSet {
  readonly #samples: Samples
  readonly #longest: number
  readonly #batchSize: number
  readonly #evaluator: Shared<Evaluator>
  readonly #replies: Replies | undefined

  private constructor(
    { dev, args }: DevSetOptions,
    evaluator: Shared<Evaluator>,
    replies: Replies | undefined,
  ) {
    this.#samples = dev
    this.#longest = longestOf(dev)
    this.#batchSize = args.per_device_eval_batch_size
    this.#evaluator = evaluator
    this.#replies = replies
  }

  /** @param evaluator of the same base and adapter; it is released with the dev set */
  static async open(
    options: DevSetOptions,
    adapter: Omit<Adapter, 'init' | 'files'>,
    evaluator: Shared<Evaluator>,
  ): Promise<DevSet> {
    const { model, base, chat, args } = options
    const replies = args.predict_with_generate
      ? await Replies.open({
          ...{ model, base, chat, adapter },
          maxNewTokens: args.generation_max_new_tokens,
          atOnce: args.per_device_eval_batch_size,
        })
      : undefined
    return new DevSet(options, evaluator, replies)
  }

  /** @throws an AbortError between two batches or tokens when `signal` says to stop */
  async measure(parameters: Parameters, signal?: AbortSignal): Promise<Evaluation> {
    return {
      ...(await this.#evaluator.it.measure(this.#batches(), this.#longest, parameters, signal)),
      ...(await this.#replies?.scores(this.#samples, parameters, signal)),
    }
  }

  *#batches(): Generator<TokenSample[]> {
    const { lengths, at } = this.#samples
    for (const batch of inBatches([...lengths.keys()], this.#batchSize)) yield batch.map(at)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#evaluator[Symbol.asyncDispose]()
    await this.#replies?.[Symbol.asyncDispose]()
  }
}
