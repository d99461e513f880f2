import { add, concat, expand, pad, reshape, scalar, sum } from '../graph/build.ts'
import { type Shape, sameShape } from '../graph/dim.ts'
import { type Node, topological } from '../graph/node.ts'
import { type Checkpointing, recomputation } from './checkpoint.ts'
import { gradRules } from './rules.ts'

/**
 * Reverse-mode differentiation: the gradients of a scalar `loss` in each of `sources`, as nodes of the same lazy
 * graph. Only paths that lead to a source are walked: frozen weights get no gradient, and layers below the lowest
 * source none either.
 * @param checkpointing what of the forward pass is kept for the backward one
 * @throws if a source does not influence the loss
 */
export function backward(
  loss: Node,
  sources: readonly Node[],
  checkpointing: Checkpointing = 'none',
): Node[] {
  const order = topological([loss])
  const active = new Set<Node>(sources)
  for (const node of order) if (node.inputs.some((i) => active.has(i))) active.add(node)

  const recompute = recomputation(loss, checkpointing)
  const gradient = new Map<Node, Node>([[loss, expand(scalar(1), loss.shape)]])
  for (const node of order.toReversed()) {
    const g = gradient.get(node)
    if (!g || !active.has(node) || node.inputs.length === 0) continue
    const rule = gradRules[node.op] as (y: Node, g: Node, ...inputs: Node[]) => (Node | null)[]
    const usable = recompute(node, g)
    rule(usable(node), g, ...node.inputs.map(usable)).forEach((edge, i) => {
      const input = node.inputs[i]!
      if (!edge || !active.has(input)) return
      const own = sumTo(edge, input.shape)
      const before = gradient.get(input)
      gradient.set(input, before ? together(before, own) : own)
    })
  }
  return sources.map((source) => {
    const g = gradient.get(source)
    if (!g)
      throw new Error(`no path from the loss to ${'name' in source.attrs ? source.attrs.name : source.op}`)
    return g
  })
}

/** The sum of two gradients. Those of slices that lie side by side are joined, rather than filled up with zeros and added. */
function together(a: Node, b: Node): Node {
  if (a.op !== 'pad' || b.op !== 'pad' || a.attrs.axis !== b.attrs.axis) return add(a, b)
  const { axis, rows } = a.attrs
  const [first, second] = a.attrs.start < b.attrs.start ? [a, b] : [b, a]
  const parts = [first, second].map(({ inputs: [x] }) => x!)
  if (first.attrs.start + Number(parts[0]!.shape[axis]) !== second.attrs.start) return add(a, b)
  const flat = parts.flatMap((x) => (x.op === 'concat' && x.attrs.axis === axis ? x.inputs : [x]))
  return pad(concat(flat, axis), axis, first.attrs.start, rows)
}

/** Sums a gradient over the axes its source was broadcast along. */
function sumTo(g: Node, shape: Shape): Node {
  if (sameShape(g.shape, shape)) return g
  const lead = g.shape.length - shape.length
  const axes = g.shape.flatMap((d, i) => (i < lead || d !== shape[i - lead] ? [i] : []))
  return reshape(sum(g, axes), shape)
}
