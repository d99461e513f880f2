import { lengthOf, type Symbols } from '../engine/graph/dim.ts'
import { type Node, topological } from '../engine/graph/node.ts'

/** One matrix product of a graph: `batch` times (m, k) by (k, n). */
export type Product = { batch: number; m: number; k: number; n: number; transA: boolean; transB: boolean }

export const flopsOf = ({ batch, m, k, n }: Product): number => 2 * batch * m * k * n

/** Every matrix product that the outputs need, with its sizes. */
export function products(outputs: readonly Node[], symbols: Symbols): Product[] {
  return topological(outputs).flatMap((node) => {
    if (node.op !== 'matmul' && node.op !== 'attend') return []
    const sizes = (n: Node) => n.shape.map((d) => lengthOf(d, symbols))
    const [a, out] = [sizes(node.inputs[0]!), sizes(node)]
    const { transA, transB } = node.op === 'matmul' ? node.attrs : { transA: false, transB: false }
    return {
      batch: out.slice(0, -2).reduce((x, y) => x * y, 1),
      m: out.at(-2)!,
      n: out.at(-1)!,
      k: transA ? a.at(-2)! : a.at(-1)!,
      transA,
      transB,
    }
  })
}
