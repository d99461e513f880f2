import type { Bindable, Parameters } from '../adapters/adapter.ts'
import type { Binding, Model } from '../models/model.ts'
import { ropeFeeds } from '../models/step.ts'
import { Session, type Value } from '../runtime/session.ts'
import { collate, type TokenSample } from './batch.ts'
import { objective } from './objective.ts'

/** Measures the loss of a base with an adapter, or bare. */
export class Evaluator {
  readonly #session: Session<'loss'>
  readonly #adapter: Bindable
  readonly #rope: Record<string, Value>

  private constructor(session: Session<'loss'>, adapter: Bindable, rope: Record<string, Value>) {
    this.#session = session
    this.#adapter = adapter
    this.#rope = rope
  }

  /** @param longest tokens of the longest sample it will see */
  static async open(model: Model, base: Binding, adapter: Bindable, longest: number): Promise<Evaluator> {
    const loss = objective(model, adapter.bind(base), adapter.virtualTokens)
    const rope = ropeFeeds(model, adapter.firstPosition + longest)
    return new Evaluator(await Session.open({ loss }), adapter, rope)
  }

  /**
   * Mean cross-entropy per labelled token over all batches, in nats.
   * @throws an AbortError between batches when `signal` says to stop
   */
  async loss(
    batches: readonly (readonly TokenSample[])[],
    parameters: Parameters,
    signal?: AbortSignal,
  ): Promise<number> {
    let total = 0
    let labelled = 0
    for (const samples of batches) {
      signal?.throwIfAborted()
      const batch = collate(samples, this.#adapter)
      const scale: Value = { data: Float32Array.of(1), shape: [] }
      const feeds = { ...batch.feeds, ...this.#rope, ...Object.fromEntries(parameters), scale }
      total += Number((await this.#session.run(feeds)).loss.data[0])
      labelled += batch.labelled
    }
    return total / labelled
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}
