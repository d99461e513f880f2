/** In which order a graph is written, and the order in which ONNX Runtime then computes it. */
import { type Node, topological, widensWeight } from '../graph/node.ts'

/** Weights and what widens them come first: see `runOrder`. */
export function writtenOrder(outputs: readonly Node[]): Node[] {
  const order = topological(outputs)
  const early = (node: Node) => node.op === 'weight' || widensWeight(node)
  return [...order.filter(early), ...order.filter((node) => !early(node))]
}

/**
 * ONNX Runtime begins with the output that was written last. It visits the inputs of a node from the last written to the
 * first, and computes them in that order. Were a weight widened in the file right before its use, all weights would be
 * widened before anything else, and all float32 copies be there at once.
 */
export function runOrder(outputs: readonly Node[]): Node[] {
  const written = writtenOrder(outputs)
  const index = new Map(written.map((node, i) => [node, i]))
  const used = new Set(written.flatMap(({ inputs }) => inputs))
  const firstToLast = (nodes: readonly Node[]) => [...nodes].sort((a, b) => index.get(a)! - index.get(b)!)

  const order: Node[] = []
  const visited = new Set<Node>()
  const stack = firstToLast(outputs.filter((node) => !used.has(node))).map((node) => ({ node, done: false }))
  while (stack.length > 0) {
    const { node, done } = stack.pop()!
    if (done) order.push(node)
    else if (!visited.has(node)) {
      visited.add(node)
      stack.push(
        { node, done: true },
        ...firstToLast(node.inputs).map((input) => ({ node: input, done: false })),
      )
    }
  }
  return order
}
