import type { Parameters } from '../adapters/adapter.ts'

export type AdamWOptions = { beta1: number; beta2: number; epsilon: number; weightDecay: number }

/** Gradients by parameter name, of the parameter's size. */
export type Gradients = ReadonlyMap<string, Float32Array>

/** Running means of gradients and of their squares, by parameter. */
export type Moments = ReadonlyMap<string, { m: Float32Array; v: Float32Array }>

/** AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: decoupled decay first, then the bias-corrected step. */
export class AdamW {
  readonly #options: AdamWOptions
  readonly moments: Moments
  /** Steps taken; whoever goes on from moments sets it too. */
  steps = 0

  constructor(parameters: Parameters, options: AdamWOptions) {
    this.#options = options
    const zeros = ({ length }: Float32Array) => ({ m: new Float32Array(length), v: new Float32Array(length) })
    this.moments = new Map([...parameters].map(([name, { data }]) => [name, zeros(data)]))
  }

  /** Moves every parameter one step, in place. Biases and norms (one axis) are not decayed, as transformers does. */
  step(parameters: Parameters, gradients: Gradients, learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#options
    this.steps += 1
    const size = learningRate / (1 - beta1 ** this.steps)
    const correction = Math.sqrt(1 - beta2 ** this.steps)
    for (const [name, { shape, data }] of parameters) {
      const g = gradients.get(name)!
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
}
