/** One adapter in training: its parameters, its compiled graph, and the optimizer. */
import type { Adapter, Parameters } from '../adapters/adapter.ts'
import { backward } from '../grad/backward.ts'
import { type Checkpointing, gateName } from '../grad/checkpoint.ts'
import { sizeOf } from '../graph/dim.ts'
import { inputsOf, type Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { ropeFeeds } from '../models/step.ts'
import { AdamW, type AdamWOptions } from '../optim/adamw.ts'
import { clipGradients } from '../optim/clip.ts'
import { Session, type Value } from '../runtime/session.ts'
import { type Batch, collate, type TokenSample } from './batch.ts'
import { SeededDropout } from './dropout.ts'
import { objective } from './objective.ts'

export type TrainerOptions = {
  model: Model
  /** The frozen base. */
  base: Binding
  adapter: Adapter
  /** Initial parameters; the trainer moves them in place. */
  parameters: Parameters
  optimizer: AdamWOptions
  /** Joint gradient norm above which gradients are scaled down; 0: never. */
  maxGradNorm: number
  /** Tokens of the longest sample. */
  longest: number
  /** What of the forward pass is kept for the backward one; the rest is computed again. */
  checkpointing?: Checkpointing
  /** Of the adapter's dropout, if it has one. */
  seed?: number
  /** Packs the base's weights ahead, once for each direction: steps are some 5% faster, and memory holds two copies. */
  prepack?: boolean
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
  readonly #session: Session
  /** Whoever goes on from another's state puts it here and into the parameters. */
  readonly optimizer: AdamW
  readonly #rope: Record<string, Value>
  readonly #dropout: SeededDropout | undefined

  private constructor(options: TrainerOptions, session: Session, dropout: SeededDropout | undefined) {
    this.#options = options
    this.#dropout = dropout
    this.#session = session
    this.optimizer = new AdamW(options.parameters, options.optimizer)
    this.#rope = ropeFeeds(options.model, options.adapter.firstPosition + options.longest)
  }

  static async open(options: TrainerOptions): Promise<Trainer> {
    const rate = options.adapter.dropout ?? 0
    const dropout = rate > 0 ? new SeededDropout(rate, options.seed ?? 0) : undefined
    const session = await Session.open(trainingGraph(options, dropout), {
      spin: true,
      prepack: options.prepack,
    })
    return new Trainer(options, session, dropout)
  }

  /**
   * One optimizer step over the samples of one or more micro-batches. Every labelled token weighs the same,
   * whichever micro-batch it is in.
   */
  async step(microBatches: readonly (readonly TokenSample[])[], learningRate: number): Promise<StepResult> {
    const { adapter, parameters, maxGradNorm } = this.#options
    const batches = microBatches.map((samples) => collate(samples, adapter))
    const labelled = batches.reduce((n, b) => n + b.labelled, 0)
    const tokens = batches.reduce((n, b) => n + b.tokens, 0)
    let loss = 0
    const gradients = new Map<string, Float32Array>()
    for (const [i, batch] of batches.entries()) {
      this.#dropout?.begin(this.optimizer.steps, i)
      loss += await this.#accumulate(batch, 1 / labelled, gradients)
    }
    const gradNorm = clipGradients(gradients, maxGradNorm)
    this.optimizer.step(parameters, gradients, learningRate)
    return { loss, gradNorm, labelled, tokens }
  }

  /** Runs a batch, adds its gradients to those before, and returns its share of the loss. */
  async #accumulate(batch: Batch, scale: number, gradients: Map<string, Float32Array>): Promise<number> {
    const { parameters, checkpointing = 'none' } = this.#options
    const { loss, ...own } = await this.#session.run({
      ...batch.feeds,
      ...(checkpointing !== 'none' && { [gateName]: { data: Float32Array.of(1), shape: [1] } }),
      ...this.#dropout?.feeds(sizesOf(batch)),
      ...this.#rope,
      ...Object.fromEntries(parameters),
      scale: { data: Float32Array.of(scale), shape: [] },
    })
    for (const name of parameters.keys()) {
      const g = own[gradientOf(name)]!.data as Float32Array
      const sum = gradients.get(name)
      if (sum) for (let i = 0; i < g.length; i++) sum[i]! += g[i]!
      else gradients.set(name, g)
    }
    return Number(loss!.data[0])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}

const gradientOf = (parameter: string) => `gradient of ${parameter}`

/** The sizes of the axes that hidden states have: all tokens of a batch, and its labelled ones. */
const sizesOf = ({ feeds, labelled }: Batch) => ({
  'B*T': sizeOf(feeds.tokens!.shape) as number,
  N: labelled,
})

type GraphOptions = Pick<TrainerOptions, 'model' | 'base' | 'adapter' | 'parameters' | 'checkpointing'>

/** The loss of a batch and its gradient in each parameter, by output name. */
export function trainingGraph(
  { model, base, adapter, parameters, checkpointing }: GraphOptions,
  dropout?: SeededDropout,
): Record<string, Node> {
  const { loss } = objective(model, adapter.bind(base, dropout?.drop), adapter.virtualTokens)
  const inputs = inputsOf([loss])
  const names = [...parameters.keys()]
  const gradients = backward(
    loss,
    names.map((name) => inputs.get(name)!),
    checkpointing,
  )
  return { loss, ...Object.fromEntries(names.map((name, i) => [gradientOf(name), gradients[i]!])) }
}
