import type { Parameters } from '../adapters/adapter.ts'
import type { Device } from '../runtime/device.ts'
import type { Held } from '../runtime/session.ts'
import { AdamW, type AdamWOptions, type Moments } from './adamw.ts'
import { GraphAdamW } from './graph-adamw.ts'

export type OptimizerSetup = {
  /** Their arrays are where training starts. */
  parameters: Parameters
  optimizer: AdamWOptions
  /** Joint gradient norm above which gradients are scaled down; 0: never. */
  maxGradNorm: number
  /** Where the gradients come from; the CPU by default. */
  device?: Device
}

/**
 * AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: decoupled decay first, then the bias-corrected step.
 * Biases and norms (one axis) are not decayed, as transformers does.
 */
export interface Optimizer extends AsyncDisposable {
  /** Steps taken; whoever goes on from another's state sets it, and the arrays, before the first one. */
  steps: number
  /** As of the last `sync`, like the arrays of the parameters. */
  readonly moments: Moments
  /** The parameters as they are now, for a graph to be fed. */
  readonly parameters: Readonly<Record<string, Held>>
  /** Begins a step: forgets gradients of one that was not taken. */
  zero(): void
  /** Adds a batch's gradients, one for each parameter, to those of this step. They are the optimizer's from then on. */
  add(gradients: ReadonlyMap<string, Held>): Promise<void>
  /** Moves every parameter one step. Returns the joint norm of the gradients before they were scaled down. */
  step(learningRate: number): Promise<number>
  /** Brings the arrays of parameters and moments up to date. */
  sync(): Promise<void>
}

/** An optimizer where the gradients are: in memory, or on a device that keeps them. */
export const openOptimizer = async (setup: OptimizerSetup): Promise<Optimizer> =>
  setup.device === 'webgpu' ? GraphAdamW.open(setup) : new AdamW(setup)
