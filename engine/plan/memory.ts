/** An estimate of the memory that a training run takes, in bytes. */
import type { Bindable } from '../adapters/adapter.ts'
import type { Checkpointing } from '../grad/checkpoint.ts'
import { sizeOf } from '../graph/dim.ts'
import { inputsOf } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { trainingGraph } from '../training/graph.ts'
import { objective } from '../training/objective.ts'
import { padded } from '../training/padded.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { type BaseForm, baseBytes, inIntegers, sketchBase, widenedBytes } from './base-form.ts'
import { peakBytes } from './peak.ts'

export type Memory = {
  /** The weights of the base. */
  base: number
  /** What a step keeps at once: activations, gradients, widened weights. */
  activations: number
  /** Parameters, their gradients and their two moments. */
  optimizer: number
  /** Node and ONNX Runtime, and what the runtime's arena takes beyond what is asked of it. */
  workspace: number
  total: number
}

export type Setting = { form: BaseForm; checkpointing: Checkpointing }

/** What a micro-batch is like: its rows, the tokens of the longest, and those with a label in all of them. */
export type BatchSize = { rows: number; longest: number; labelled: number }
/** Adapters like this one that are trained together with it, itself included. */
type Members = { members?: number }

// Measured with `npm run bench:memory`.
/** Node with ONNX Runtime, and the compiled graph. */
const program = 210e6
/** The arena hands out regions that hold more than what was asked for. */
const arena = 0.15
/** The same of weights that are packed for products in integers, which come first and in one go. */
const packed = { share: 0.45, most: 80e6 }

/** The names and shapes of an adapter's parameters. */
function parameterShapes(model: Model, base: Binding, adapter: Bindable) {
  const own = inputsOf([objective(model, base, 0).loss])
  const all = inputsOf([objective(model, adapter.bind(base), adapter.virtualTokens).loss])
  return new Map([...all].filter(([name]) => !own.has(name)))
}

/** Gives the memory of any batch; the graph is built once. */
export function memoryOf(
  model: Model,
  checkpoint: Checkpoint,
  adapter: Bindable,
  { form, checkpointing }: Setting,
): (size: BatchSize & Members) => Memory {
  const base = sketchBase(model, checkpoint, form)
  const parameters = parameterShapes(model, base, adapter)
  const graph = Object.values(trainingGraph({ model, base, adapter, parameters, checkpointing }))
  const values = [...parameters.values()].reduce((n, { shape }) => n + Number(sizeOf(shape)), 0)
  const weights = baseBytes(model, checkpoint, form, (name) => !parameters.has(name))
  const packing = inIntegers(form) ? Math.min(packed.share * weights, packed.most) : 0
  return (size) => {
    const peak = peakBytes(graph, symbolsOf(size, adapter))
    const memory = {
      base: weights,
      activations: Math.round(peak),
      optimizer: 20 * values * (size.members ?? 1), // value, m, v, and the gradient there and here, 4 bytes each
      workspace: Math.round(program + arena * peak + packing + 2 * widenedBytes(model, form)),
    }
    return { ...memory, total: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0) }
  }
}

const symbolsOf = ({ rows, longest, labelled }: BatchSize, { firstPosition }: Bindable) => ({
  B: rows,
  T: longest,
  N: padded(labelled, rows * longest),
  R: firstPosition + longest,
})
