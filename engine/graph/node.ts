import type { Shape } from './dim.ts'
import type { DType, OpName, Ops } from './op.ts'

/** One value of a lazy graph. Nodes are compared by identity; whatever no output reaches is never computed. */
export type Node<O extends OpName = OpName> = {
  readonly [K in O]: {
    readonly op: K
    readonly inputs: readonly Node[]
    readonly attrs: Ops[K]
    readonly shape: Shape
    readonly dtype: DType
  }
}[O]

/** Everything the outputs depend on, inputs before their users. Walks a stack: graphs are deeper than JS recursion. */
export function topological(outputs: readonly Node[]): Node[] {
  const order: Node[] = []
  const done = new Set<Node>()
  const stack = outputs.toReversed().map((node) => ({ node, next: 0 }))
  while (stack.length > 0) {
    const top = stack.at(-1)!
    const input = top.node.inputs[top.next++]
    if (done.has(top.node)) stack.pop()
    else if (input) {
      if (!done.has(input)) stack.push({ node: input, next: 0 })
    } else {
      done.add(top.node)
      order.push(top.node)
      stack.pop()
    }
  }
  return order
}

/** Whether it is as large as a weight and made of nothing but a stored one, at every run. */
export const widensWeight = ({ op, inputs: [stored] }: Node): boolean =>
  op === 'dequantize' || (op === 'cast' && stored!.op === 'weight' && !stored!.attrs.constant)

/** The graph's fed inputs by name. */
export const inputsOf = (outputs: readonly Node[]): Map<string, Node> =>
  new Map(topological(outputs).flatMap((node) => (node.op === 'input' ? [[node.attrs.name, node]] : [])))
