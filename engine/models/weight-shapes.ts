import { input } from '../graph/build.ts'
import type { Binding, Model } from './model.ts'
import { stepInputs } from './step.ts'

/** The weights a model asks for, with their shapes, in the order it asks. */
export function weightShapes(model: Model): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  const weight: Binding['weight'] = (name, shape) => {
    shapes.set(name, shape)
    return input(name, shape)
  }
  const { hidden } = model.forward({ weight }, stepInputs(model, 0))
  model.logits({ weight }, hidden)
  return shapes
}
