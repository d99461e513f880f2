import { input } from '../graph/build.ts'
import type { Binding, LinearModule, Model } from './model.ts'
import { stepInputs } from './step.ts'

/** The weights a model asks for, with their shapes, in the order it asks. */
export const weightShapes = (model: Model): Map<string, readonly number[]> => askedOf(model).weights

/** Those of them that meet activations in a product: all matrices but embeddings that are no head as well. */
export const productWeights = (model: Model): Map<string, readonly number[]> => askedOf(model).products

/** The linear modules of a model, in the order of its forward pass. */
export const linearModules = (model: Model): LinearModule[] => askedOf(model).modules

function askedOf(model: Model) {
  const weights = new Map<string, readonly number[]>()
  const products = new Map<string, readonly number[]>()
  const modules: LinearModule[] = []
  const ask = (name: string, shape: readonly number[]) => {
    weights.set(name, shape)
    return input(name, shape)
  }
  const recording: Binding = {
    weight: ask,
    table: ask,
    product(_, name, shape) {
      products.set(name, shape)
      return undefined
    },
    adapt(module, _, y) {
      modules.push(module)
      return y
    },
  }
  const { hidden } = model.forward(recording, stepInputs(model, 0))
  model.logits(recording, hidden)
  return { weights, products, modules }
}
