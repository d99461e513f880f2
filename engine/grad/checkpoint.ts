/**
 * Activation checkpointing (Chen et al. 2016) as a pass over the graph: the backward walk is handed copies of forward
 * nodes that are computed again when it comes to them, so that the forward's own can be freed.
 */
import { late } from '../graph/build.ts'
import { type Node, topological, widensWeight } from '../graph/node.ts'
import type { OpName } from '../graph/op.ts'

/**
 * What of the forward pass is kept for the backward one: everything; all but what is cheap to compute again, most
 * attention probabilities and activations above all; or the cuts and what attention gives alone, which is small beside
 * the probabilities that it is made with.
 */
export type Checkpointing = 'none' | 'selective' | 'full'

/** From a node of the forward pass, and the gradient with which the backward walk reaches it, to what it may use. */
export type Recompute = (node: Node, gradient: Node) => (used: Node) => Node

/** A weight that is widened for one product is widened again for the next, whatever the level: it is never kept. */
export function recomputation(loss: Node, level: Checkpointing): Recompute {
  const order = topological([loss])
  const views = viewsOfSources(order)
  const segments = segmentsOf(order, views)
  const spared = sparedScores(order)
  const isKept = (node: Node) => {
    if (widensWeight(node)) return false
    if (level === 'none' || segments.cuts.has(node) || views.has(node) || node.op === 'attend') return true
    return level === 'selective' && (spared.has(node) || !isCheap(node, views))
  }

  const copiers = new Map<number, (used: Node) => Node>()
  return (node, gradient) => {
    const segment = segments.of.get(node)!
    const copy = copiers.get(segment) ?? copier(isKept, views, (x) => late(x, gradient))
    copiers.set(segment, copy)
    return copy
  }
}

/**
 * Copies nodes down to those that are kept, each once. One of the kept values that a copy starts from has to be late:
 * the copy would else be computed ahead, or be taken for the same as what it copies.
 */
function copier(isKept: (node: Node) => boolean, views: ReadonlySet<Node>, wait: (node: Node) => Node) {
  const copies = new Map<Node, Node>()
  const waiting = new Map<Node, Node>()
  const delayed = new Set<Node>()
  const lateOf = (node: Node): Node => {
    const made = waiting.get(node) ?? wait(node)
    waiting.set(node, made)
    return made
  }
  const copy = (node: Node): Node => {
    if (isKept(node)) return node
    const known = copies.get(node)
    if (known) return known
    if (widensWeight(node)) {
      const again = { ...node, attrs: { ...node.attrs, again: true } } as Node
      copies.set(node, again)
      return again
    }
    let inputs = node.inputs.map(copy)
    const start = node.inputs.findIndex((x) => isKept(x) && !views.has(x))
    if (start >= 0 && !inputs.some((x) => delayed.has(x))) inputs = inputs.with(start, lateOf(inputs[start]!))
    const made = { ...node, inputs } as Node
    if (start >= 0 || inputs.some((x) => delayed.has(x))) delayed.add(made)
    copies.set(node, made)
    return made
  }
  return copy
}

/** What costs next to nothing beside the products with weights: element by element, by row, or of two activations. */
const cheapOps = new Set<OpName>([
  ...(['add', 'sub', 'mul', 'div', 'neg', 'exp', 'log', 'sqrt', 'tanh', 'sigmoid', 'silu', 'gelu'] as const),
  ...(['softmax', 'rmsNorm', 'reshape', 'transpose', 'expand'] as const),
])
const isCheap = (node: Node, views: ReadonlySet<Node>) =>
  cheapOps.has(node.op) || (node.op === 'matmul' && !node.inputs.some((x) => views.has(x) || widensWeight(x)))

/**
 * The scores of one piece of attention in eight: of all that is cheap, probabilities cost the most time for their memory.
 * With its own scores the way back has a softmax equal to the forward's: the runtime merges them, and keeps what they give.
 */
function sparedScores(order: readonly Node[]): ReadonlySet<Node> {
  const scores = order.flatMap(({ op, inputs }) => (op === 'attend' ? [inputs[0]!] : []))
  return new Set(scores.filter((_, i) => i % 8 === 7))
}

const viewOps = new Set<OpName>(['cast', 'reshape', 'transpose', 'expand', 'slice'])

/** Fed values, weights and constants, also when looked at in another shape: they take no memory of the pass. */
function viewsOfSources(order: readonly Node[]): ReadonlySet<Node> {
  const views = new Set<Node>()
  for (const node of order)
    if (
      node.inputs.length === 0 ||
      (viewOps.has(node.op) && !widensWeight(node) && node.inputs.every((x) => views.has(x)))
    )
      views.add(node)
  return views
}

/**
 * Cuts are the values through which everything passes: right after one is computed, no other is still needed. In a
 * transformer they are the residual stream before and after each attention and each MLP. A segment ends with a cut.
 */
function segmentsOf(order: readonly Node[], views: ReadonlySet<Node>) {
  const lastUse = new Map<Node, number>()
  for (const [i, node] of order.entries()) for (const x of node.inputs) lastUse.set(x, i)
  const cuts = new Set<Node>()
  const of = new Map<Node, number>()
  const live = new Set<Node>()
  for (const [i, node] of order.entries()) {
    of.set(node, cuts.size)
    if (views.has(node) || widensWeight(node)) continue
    for (const x of node.inputs) if (lastUse.get(x) === i) live.delete(x)
    live.add(node)
    if (live.size === 1) cuts.add(node)
  }
  return { cuts, of }
}
