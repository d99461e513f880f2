import type { Bindable } from '../adapters/adapter.ts'
import { backward } from '../grad/backward.ts'
import type { Checkpointing } from '../grad/checkpoint.ts'
import { inputsOf, type Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import type { SeededDropout } from './dropout.ts'
import { objective } from './objective.ts'

export type GradientName = `gradient of ${string}`
export const gradientOf = (parameter: string): GradientName => `gradient of ${parameter}`

type GraphOptions = {
  model: Model
  /** The frozen base. */
  base: Binding
  adapter: Bindable
  /** By name. */
  parameters: { keys(): Iterable<string> }
  checkpointing?: Checkpointing
  packed?: boolean
  compact?: boolean
}

/** The losses of a batch's labelled tokens, and the gradient of their weighted sum in each parameter, by output name. */
export function trainingGraph(
  { model, base, adapter, parameters, checkpointing, packed, compact }: GraphOptions,
  dropout?: SeededDropout,
): Record<'losses' | GradientName, Node> {
  const binding = adapter.bind(base, dropout?.drop)
  const { losses, loss } = objective(model, binding, adapter.virtualTokens, { packed, compact })
  const inputs = inputsOf([loss])
  const names = [...parameters.keys()]
  const gradients = backward(
    loss,
    names.map((name) => inputs.get(name)!),
    checkpointing,
  )
  return { losses, ...Object.fromEntries(names.map((name, i) => [gradientOf(name), gradients[i]!])) }
}
