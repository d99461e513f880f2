/** One adapter in training: its parameters, the optimizer, and its place in a group that runs its batches. */
import { type Optimizer, type OptimizerSetup, openOptimizer } from '../optim/optimizer.ts'
import { isOutOfMemory } from '../runtime/out-of-memory.ts'
import { inBatches, type TokenSample } from './batch.ts'
import { SeededDropout } from './dropout.ts'
import { groupOf, type Place } from './group.ts'
import type { Member } from './pass.ts'

export type TrainerOptions = OptimizerSetup &
  Omit<Member, 'source' | 'dropout'> & {
    /** Of the adapter's dropout, if it has one. */
    seed?: number
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
  /** What it took, without waiting for others of its group. */
  milliseconds: number
}

export class Trainer {
  readonly #place: Place
  /** It moves the parameters; their arrays are up to date after its `sync`. */
  readonly optimizer: Optimizer
  readonly #dropout: SeededDropout | undefined
  /** Samples at a time; it becomes smaller when memory does not suffice. */
  microBatch: number

  private constructor(
    place: Place,
    optimizer: Optimizer,
    dropout?: SeededDropout,
    microBatch = Number.MAX_SAFE_INTEGER,
  ) {
    this.#place = place
    this.optimizer = optimizer
    this.#dropout = dropout
    this.microBatch = microBatch
  }

  /** @param place where its batches are run; by themselves by default */
  static async open(options: TrainerOptions, place = groupOf(1)[0]!): Promise<Trainer> {
    const { adapter, seed = 0 } = options
    const dropout = adapter.dropout ? new SeededDropout(adapter.dropout, seed) : undefined
    const optimizer = await openOptimizer(options)
    place.take({ ...options, source: optimizer, dropout })
    return new Trainer(place, optimizer, dropout, options.microBatch)
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
    const samples = microBatches.flat()
    const labelled = samples.reduce((n, { targets }) => n + targets.length, 0)
    const tokens = samples.reduce((n, sample) => n + sample.tokens.length, 0)
    let loss = 0
    let milliseconds = 0
    this.optimizer.zero()
    for (const [i, batch] of microBatches.entries()) {
      this.#dropout?.begin(this.optimizer.steps, i)
      const outcome = await this.#place.run(batch, 1 / labelled)
      const begun = performance.now()
      await this.optimizer.add(outcome.gradients)
      loss += outcome.loss
      milliseconds += outcome.milliseconds + performance.now() - begun
    }
    const begun = performance.now()
    const gradNorm = await this.optimizer.step(learningRate)
    milliseconds += performance.now() - begun
    return { loss, gradNorm, labelled, tokens, milliseconds }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]()
    await this.optimizer[Symbol.asyncDispose]()
  }
}
