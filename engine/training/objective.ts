/** What training minimises, as a graph: cross-entropy at the labelled positions of a batch. */
import { argMax, crossEntropy, gather, input, mul, reshape, sum } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { stepInputs } from '../models/step.ts'
import type { Layout } from './batch.ts'

/**
 * `losses` (N): the cross-entropy of the rows of hidden states named by `rows` (distinct indices into B·T, or into what is
 * present of it), with targets `labels`. Only these rows meet the head: logits for a whole batch are never built.
 * `loss`: their sum, a scalar, each times its one of `weights` (N). `predicted`: each row's most probable token (N).
 */
export function objective(
  model: Model,
  binding: Binding,
  virtualTokens: number,
  { packed = false, compact = false }: Pick<Layout, 'packed' | 'compact'> = {},
): Record<'losses' | 'loss' | 'predicted', Node> {
  const { hidden } = model.forward(binding, stepInputs(model, virtualTokens, packed ? 'B' : 1, compact))
  const labelled = gather(hidden, input('rows', ['N'], 'int64'), { distinct: true }) // (N, hidden)
  const logits = model.logits(binding, labelled)
  const losses = crossEntropy(logits, input('labels', ['N'], 'int64'))
  const loss = reshape(sum(mul(losses, input('weights', ['N']))), [])
  return { losses, loss, predicted: argMax(logits) }
}
