/** What training minimises, as a graph: cross-entropy at the labelled positions of a batch. */
import { crossEntropy, gather, input, mul, reshape, sum } from './graph/build.ts'
import { type Dim, plus } from './graph/dim.ts'
import type { Node } from './graph/node.ts'
import type { Binding, Model, Step } from './models/model.ts'
import type { Value } from './runtime/session.ts'

/** The inputs of a pass over B sequences of T tokens that follow `past` cached rows. */
export function stepInputs(model: Model, past: Dim): Step {
  const table = (name: string) => input(name, ['R', model.headDim / 2])
  return {
    tokens: input('tokens', ['B', 'T'], 'int64'),
    positions: input('positions', ['B', 'T'], 'int64'),
    mask: input('mask', [1, 1, 'T', plus(past, 'T')]),
    cos: table('cos'),
    sin: table('sin'),
  }
}

/** The rotary tables that a run over positions 0 … `positions` − 1 is fed. */
export function ropeFeeds(model: Model, positions: number): Record<'cos' | 'sin', Value> {
  const { cos, sin, width } = model.rope(positions)
  const shape = [positions, width / 2]
  return { cos: { data: cos, shape }, sin: { data: sin, shape } }
}

/**
 * The scalar Σ cross-entropy · `scale` over the N rows of hidden states named by `rows` (indices into B·T), with
 * targets `labels` (N). Only these rows meet the head: logits for a whole batch are never built.
 */
export function objective(model: Model, binding: Binding, virtualTokens: number): Node {
  const { hidden } = model.forward(binding, stepInputs(model, virtualTokens))
  const labelled = gather(hidden, input('rows', ['N'], 'int64'), { distinct: true }) // (N, hidden)
  const losses = crossEntropy(model.logits(binding, labelled), input('labels', ['N'], 'int64'))
  return mul(reshape(sum(losses), []), input('scale', []))
}

/** The weights a model asks for, with their shapes, in the order it asks. */
export function weightShapes(model: Model): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  const weight: Binding['weight'] = (name, shape) => {
    shapes.set(name, shape)
    return input(name, shape)
  }
  objective(model, { weight }, 0)
  return shapes
}
