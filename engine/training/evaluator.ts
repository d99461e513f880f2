import type { Bindable, Parameters } from '../adapters/adapter.ts'
import type { Binding, Model } from '../models/model.ts'
import { ropeFeeds } from '../models/step.ts'
import type { Device } from '../runtime/device.ts'
import { Session, type Value } from '../runtime/session.ts'
import { collate, type TokenSample } from './batch.ts'
import { objective } from './objective.ts'

export type Measures = {
  /** Mean cross-entropy per labelled token, in nats. */
  loss: number
  /** Share of labelled tokens that are the most probable ones, between 0 and 1. */
  accuracy: number
}

type Outputs = 'loss' | 'predicted'

/** Measures a base with an adapter, or bare. */
export class Evaluator {
  readonly #session: Session<Outputs>
  readonly #adapter: Bindable
  readonly #longest: number
  readonly #rope: Record<string, Value>

  private constructor(session: Session<Outputs>, model: Model, adapter: Bindable, longest: number) {
    this.#session = session
    this.#adapter = adapter
    this.#longest = longest
    this.#rope = ropeFeeds(model, adapter.firstPosition + longest)
  }

  /** @param longest tokens of the longest sample it will see */
  static async open(
    model: Model,
    base: Binding,
    adapter: Bindable,
    longest: number,
    device?: Device,
  ): Promise<Evaluator> {
    const { loss, predicted } = objective(model, adapter.bind(base), adapter.virtualTokens)
    return new Evaluator(await Session.open({ loss, predicted }, { device }), model, adapter, longest)
  }

  /**
   * Over all batches, every labelled token weighing the same.
   * @throws an AbortError between batches when `signal` says to stop
   */
  async measure(
    batches: readonly (readonly TokenSample[])[],
    parameters: Parameters,
    signal?: AbortSignal,
  ): Promise<Measures> {
    let total = 0
    let right = 0
    let labelled = 0
    for (const samples of batches) {
      signal?.throwIfAborted()
      const batch = collate(samples, this.#adapter, { longest: this.#longest })
      const feeds = { ...batch.feeds, ...this.#rope, ...Object.fromEntries(parameters) }
      const { loss, predicted } = await this.#session.run(feeds)
      const labels = batch.feeds.labels!.data
      total += Number(loss.data[0])
      for (let i = 0; i < batch.labelled; i++) if (predicted.data[i] === labels[i]) right++
      labelled += batch.labelled
    }
    return { loss: total / labelled, accuracy: right / labelled }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}
