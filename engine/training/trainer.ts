/** One adapter in training: its parameters, its compiled graph, and the optimizer. */
import type { Adapter, Bindable } from '../adapters/adapter.ts'
import { backward } from '../grad/backward.ts'
import { type Checkpointing, gateName } from '../grad/checkpoint.ts'
import { sizeOf } from '../graph/dim.ts'
import { inputsOf, type Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { ropeFeeds } from '../models/step.ts'
import { type Optimizer, type OptimizerSetup, openOptimizer } from '../optim/optimizer.ts'
import { isOutOfMemory } from '../runtime/out-of-memory.ts'
import { Session, type Value } from '../runtime/session.ts'
import { type Batch, collate, inBatches, type TokenSample } from './batch.ts'
import { SeededDropout } from './dropout.ts'
import { objective } from './objective.ts'

export type TrainerOptions = OptimizerSetup & {
  model: Model
  /** The frozen base. */
  base: Binding
  adapter: Adapter
  /** Tokens of the longest sample, or packed row. */
  longest: number
  /** Samples may be rows that `pack` made. */
  packed?: boolean
  /** What of the forward pass is kept for the backward one; the rest is computed again. */
  checkpointing?: Checkpointing
  /** Of the adapter's dropout, if it has one. */
  seed?: number
  /** Packs the base's weights ahead, once for each direction: steps are some 5% faster, and memory holds two copies. */
  prepack?: boolean
  /** Samples at a time, at most; all of a batch when absent. */
  microBatch?: number
}

export type StepResult = {
  /** Mean cross-entropy per labelled token, in nats. */
  loss: number
  /** Joint norm of the gradients before clipping. */
  gradNorm: number
  labelled: number
  /** Tokens without padding. */
  tokens: number
}

export class Trainer {
  readonly #options: TrainerOptions
  readonly #session: Session<'loss', GradientName>
  /** It moves the parameters; their arrays are up to date after its `sync`. */
  readonly optimizer: Optimizer
  readonly #rope: Record<string, Value>
  readonly #dropout: SeededDropout | undefined
  /** Samples at a time; it becomes smaller when memory does not suffice. */
  microBatch: number

  private constructor(
    options: TrainerOptions,
    session: Session<'loss', GradientName>,
    optimizer: Optimizer,
    dropout: SeededDropout | undefined,
  ) {
    this.#options = options
    this.#dropout = dropout
    this.#session = session
    this.optimizer = optimizer
    this.microBatch = options.microBatch ?? Number.MAX_SAFE_INTEGER
    this.#rope = ropeFeeds(options.model, options.adapter.firstPosition + options.longest)
  }

  static async open(options: TrainerOptions): Promise<Trainer> {
    const rate = options.adapter.dropout ?? 0
    const dropout = rate > 0 ? new SeededDropout(rate, options.seed ?? 0) : undefined
    const session = await Session.open(trainingGraph(options, dropout), {
      device: options.device,
      keep: [...options.parameters.keys()].map(gradientOf),
      spin: true,
      prepack: options.prepack,
    })
    return new Trainer(options, session, await openOptimizer(options), dropout)
  }

  /**
   * One optimizer step over the samples of one or more batches. Every labelled token weighs the same, whichever batch it
   * is in. A step for which there is not memory enough is taken again with half as many samples at a time.
   */
  async step(batches: readonly (readonly TokenSample[])[], learningRate: number): Promise<StepResult> {
    for (;;) {
      const microBatches = batches.flatMap((samples) => inBatches(samples, this.microBatch))
      try {
        return await this.#step(microBatches, learningRate)
      } catch (error) {
        const largest = Math.max(...microBatches.map(({ length }) => length))
        if (!isOutOfMemory(error) || largest === 1) throw error
        this.microBatch = Math.ceil(largest / 2)
      }
    }
  }

  async #step(microBatches: readonly (readonly TokenSample[])[], learningRate: number): Promise<StepResult> {
    const { adapter } = this.#options
    const batches = microBatches.map((samples) => collate(samples, adapter, this.#options))
    const labelled = batches.reduce((n, b) => n + b.labelled, 0)
    const tokens = batches.reduce((n, b) => n + b.tokens, 0)
    let loss = 0
    this.optimizer.zero()
    for (const [i, batch] of batches.entries()) {
      this.#dropout?.begin(this.optimizer.steps, i)
      loss += await this.#accumulate(batch, 1 / labelled)
    }
    const gradNorm = await this.optimizer.step(learningRate)
    return { loss, gradNorm, labelled, tokens }
  }

  /** Runs a batch, adds its gradients to those before, and returns its share of the loss. */
  async #accumulate(batch: Batch, scale: number): Promise<number> {
    const { parameters, checkpointing = 'none' } = this.#options
    const { loss, ...gradients } = await this.#session.run({
      ...batch.feeds,
      ...(checkpointing !== 'none' && { [gateName]: { data: Float32Array.of(1), shape: [1] } }),
      ...this.#dropout?.feeds(sizesOf(batch)),
      ...this.#rope,
      ...this.optimizer.parameters,
      scale: { data: Float32Array.of(scale), shape: [] },
    })
    await this.optimizer.add(
      new Map([...parameters.keys()].map((name) => [name, gradients[gradientOf(name)]!])),
    )
    return Number(loss.data[0])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.optimizer[Symbol.asyncDispose]()
    await this.#session[Symbol.asyncDispose]()
  }
}

type GradientName = `gradient of ${string}`
const gradientOf = (parameter: string): GradientName => `gradient of ${parameter}`

/** The sizes of the axes that hidden states have: all tokens of a batch, and those that are gathered. */
const sizesOf = ({ feeds }: Batch) => ({
  'B*T': sizeOf(feeds.tokens!.shape) as number,
  N: sizeOf(feeds.rows!.shape) as number,
})

type GraphOptions = Pick<TrainerOptions, 'model' | 'base' | 'checkpointing' | 'packed'> & {
  adapter: Bindable
  /** By name. */
  parameters: ReadonlyMap<string, unknown>
}

/** The loss of a batch and its gradient in each parameter, by output name. */
export function trainingGraph(
  { model, base, adapter, parameters, checkpointing, packed }: GraphOptions,
  dropout?: SeededDropout,
): Record<'loss' | GradientName, Node> {
  const { loss } = objective(model, adapter.bind(base, dropout?.drop), adapter.virtualTokens, { packed })
  const inputs = inputsOf([loss])
  const names = [...parameters.keys()]
  const gradients = backward(
    loss,
    names.map((name) => inputs.get(name)!),
    checkpointing,
  )
  return { loss, ...Object.fromEntries(names.map((name, i) => [gradientOf(name), gradients[i]!])) }
}
