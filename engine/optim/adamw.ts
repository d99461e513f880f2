import type { Parameters } from '../adapters/adapter.ts'
import { type Held, Resident } from '../runtime/session.ts'
import { clipGradients, type Gradients } from './clip.ts'
import type { Optimizer, OptimizerSetup } from './optimizer.ts'

export type AdamWOptions = { beta1: number; beta2: number; epsilon: number; weightDecay: number }

/** Running means of gradients and of their squares, by parameter. */
export type Moments = ReadonlyMap<string, { m: Float32Array; v: Float32Array }>

/** AdamW on arrays, in place. */
export class AdamW implements Optimizer {
  readonly #parameters: Parameters
  readonly #options: AdamWOptions
  readonly #maxGradNorm: number
  #gradients: Gradients = new Map()
  readonly moments: Moments
  steps = 0

  constructor({ parameters, optimizer, maxGradNorm }: OptimizerSetup) {
    this.#parameters = parameters
    this.#options = optimizer
    this.#maxGradNorm = maxGradNorm
    this.moments = zeroMoments(parameters)
  }

  get parameters() {
    return Object.fromEntries(this.#parameters)
  }

  zero(): void {
    this.#gradients = new Map()
  }

  async add(gradients: ReadonlyMap<string, Held>): Promise<void> {
    for (const [name, held] of gradients) {
      const g = arrayOf(name, held)
      const sum = this.#gradients.get(name)
      if (sum) for (let i = 0; i < g.length; i++) sum[i]! += g[i]!
      else this.#gradients.set(name, g)
    }
  }

  async step(learningRate: number): Promise<number> {
    const norm = clipGradients(this.#gradients, this.#maxGradNorm)
    this.#move(learningRate)
    this.zero()
    return norm
  }

  #move(learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#options
    this.steps += 1
    const size = learningRate / (1 - beta1 ** this.steps)
    const correction = Math.sqrt(1 - beta2 ** this.steps)
    for (const [name, { shape, data }] of this.#parameters) {
      const g = this.#gradients.get(name)!
      const { m, v } = this.moments.get(name)!
      const keep = shape.length > 1 ? 1 - learningRate * weightDecay : 1
      for (let i = 0; i < data.length; i++) {
        const gi = g[i]!
        const mi = beta1 * m[i]! + (1 - beta1) * gi
        const vi = beta2 * v[i]! + (1 - beta2) * gi * gi
        m[i] = mi
        v[i] = vi
        data[i] = data[i]! * keep - (size * mi) / (Math.sqrt(vi) / correction + epsilon)
      }
    }
  }

  async sync(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

function arrayOf(name: string, held: Held): Float32Array {
  if (held instanceof Resident || !(held.data instanceof Float32Array))
    throw new Error(`the gradient of ${name} is not a float32 array in memory`)
  return held.data
}

/** Zero moments for every parameter. */
export function zeroMoments(parameters: Parameters): Moments {
  const zeros = ({ length }: Float32Array) => ({ m: new Float32Array(length), v: new Float32Array(length) })
  return new Map([...parameters].map(([name, { data }]) => [name, zeros(data)]))
}
