import type { Bindable, Parameters } from '../adapters/adapter.ts'
import type { Binding, Model } from '../models/model.ts'
import { ropeFeeds } from '../models/step.ts'
import type { Device } from '../runtime/device.ts'
import { Session } from '../runtime/session.ts'
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
  readonly #model: Model
  readonly #adapter: Bindable

  private constructor(session: Session<Outputs>, model: Model, adapter: Bindable) {
    this.#session = session
    this.#model = model
    this.#adapter = adapter
  }

  static async open(model: Model, base: Binding, adapter: Bindable, device?: Device): Promise<Evaluator> {
    const { loss, predicted } = objective(model, adapter.bind(base), adapter.virtualTokens)
    return new Evaluator(await Session.open({ loss, predicted }, { device }), model, adapter)
  }

  /**
   * Over all batches, every labelled token weighing the same.
   * @param longest tokens of the longest sample among them
   * @throws an AbortError between batches when `signal` says to stop
   */
  async measure(
    batches: Iterable<readonly TokenSample[]>,
    longest: number,
    parameters: Parameters,
    signal?: AbortSignal,
  ): Promise<Measures> {
    const rope = ropeFeeds(this.#model, this.#adapter.firstPosition + longest)
    let total = 0
    let right = 0
    let labelled = 0
    for (const samples of batches) {
      signal?.throwIfAborted()
      const batch = collate(samples, this.#adapter, { longest })
      const feeds = { ...batch.feeds, ...rope, ...Object.fromEntries(parameters) }
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
