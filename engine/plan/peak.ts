/** How much memory a run of a graph takes at once, worked out from its shapes. */
import { lengthOf, type Symbols, sizeOf } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { DType, OpName } from '../graph/op.ts'
import { runOrder } from '../onnx/order.ts'

/**
 * Bytes of the values that are there at once when the runtime needs most: it computes a value right before it is used,
 * and drops it after its last use. Fed values and weights aside.
 * @param symbols what the sizes of the graph's inputs stand for
 */
export function peakBytes(outputs: readonly Node[], symbols: Symbols): number {
  const bytesOf = (node: Node) => lengthOf(sizeOf(node.shape), symbols) * elementBytes[node.dtype]
  const order = runOrder(outputs)
  const holders = new Map<Node, Node>() // from a value to the one whose memory it looks at
  for (const node of order) holders.set(node, isView(node) ? holders.get(node.inputs[0]!)! : node)
  const computed = order.filter((node) => node.inputs.length > 0 && !isView(node))
  const needs = (node: Node) => [...new Set(node.inputs.map((input) => holders.get(input)!))]
  const lastUse = new Map<Node, Node>()
  for (const node of computed) for (const value of needs(node)) lastUse.set(value, node)
  const kept = new Set(outputs.map((output) => holders.get(output)!))

  let live = 0
  let peak = 0
  for (const node of computed) {
    const own = bytesOf(node)
    const dying = needs(node).filter((x) => x.inputs.length > 0 && lastUse.get(x) === node && !kept.has(x))
    const inPlace = elementwise.has(node.op) && dying.some((value) => bytesOf(value) === own)
    peak = Math.max(peak, live + (inPlace ? 0 : own) + scratch(node, bytesOf))
    live += own - dying.reduce((sum, value) => sum + bytesOf(value), 0)
  }
  return peak
}

const elementBytes: Record<DType, number> = {
  ...{ float32: 4, int64: 8, float16: 2, bfloat16: 2 },
  ...{ uint8: 1, uint4: 0.5 },
}

/** Takes no memory of its own. */
const isView = ({ op }: Node) => op === 'reshape' || op === 'late'

/** What the runtime may write over an input that nobody needs any more. */
const elementwise = new Set<OpName>([
  'add',
  'sub',
  'mul',
  'div',
  'neg',
  'exp',
  'log',
  'sqrt',
  'tanh',
  'sigmoid',
])

/** What ONNX nodes of one op hand to one another. */
function scratch(node: Node, bytesOf: (node: Node) => number): number {
  switch (node.op) {
    case 'attend':
    case 'crossEntropy':
    case 'crossEntropyGrad':
      return bytesOf(node.inputs[0]!)
    default:
      return 0
  }
}
