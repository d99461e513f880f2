import { add, slice } from '../graph/build.ts'
import type { Dim } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { KeyValue, Rotation } from '../nn/attention.ts'
import { linear } from '../nn/linear.ts'
import type { Rope } from '../nn/rope.ts'

/** What a model asks for while it is built: where its weights come from, and what an adapter puts in. */
export type Binding = {
  /** The float32 weight of this name and shape. */
  weight(name: string, shape: readonly number[]): Node
  /** The same, where rows of it are looked up and no product needs it; `weight` when absent. */
  table?(name: string, shape: readonly number[]): Node
  /** x · Wᵀ for the weight of this name, where it is not there as float32. */
  product?(x: Node, name: string, shape: readonly number[]): Node | undefined
  /** x · Wᵀ for these weights, one below the other, where they lie so. */
  joint?(x: Node, names: readonly string[]): Node | undefined
  /** An adapter's parameter of this name; the graph's input of that name when absent. */
  parameter?(name: string, shape: readonly number[]): Node
  /** Rows before the first token, of one layer: a prefix or a cache. */
  past?(layer: number, batch: Dim): KeyValue
  /** What attends in a layer, where it is not to these rows and those before alone. */
  attention?(
    layer: number,
    qkv: { q: Node; k: Node; v: Node },
    rope: Rotation,
  ): { context: Node; rows: KeyValue }
  /** What a linear module gives instead of `y` = W·x + b: x is (N, in), y (N, out). */
  adapt?(module: LinearModule, x: Node, y: Node): Node
}

/** A linear map of a model, by the path that its weights have in checkpoints. */
export type LinearModule = {
  name: string
  in: number
  out: number
  /** The head, which makes logits; PEFT's "all-linear" leaves it out. */
  head?: true
}

/** The inputs of one pass. */
export type Step = {
  /** (B, T) token ids. */
  tokens: Node
  /** (B, T) rotary positions. */
  positions: Node
  /** Added to attention scores; broadcasts to (B, heads, T, S). */
  mask: Node
  /** (M) the tokens, as distinct indices into B·T, that are computed outside of attention; all of them when absent. */
  present?: Node
  /** (positions, rotary width / 2) tables. */
  cos: Node
  sin: Node
}

/** Where real tokens start behind P prefix rows: at position P, or at 0 as ChatGLM's do. */
export type PositionRule = 'after_prefix' | 'from_zero'

/** An architecture with its sizes, as functions from nodes to nodes. */
export type Model = {
  readonly type: string
  readonly layers: number
  readonly hidden: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly vocabulary: number
  /** Tokens of the context window. */
  readonly maxPositions: number
  readonly rope: Rope
  readonly positionRule: PositionRule
  /** The last hidden states (B·T, hidden), normed, and each layer's new key and value rows (B, kvHeads, T, d). */
  forward(binding: Binding, step: Step): { hidden: Node; rows: KeyValue[] }
  /** (N, hidden) to (N, vocabulary). */
  logits(binding: Binding, hidden: Node): Node
}

/** A linear module of a model: weight [out, in] and, if it has one, bias [out], with what an adapter adds. `stored` names a weight it shares. */
export function project(
  b: Binding,
  x: Node,
  module: LinearModule,
  { bias = false, stored = `${module.name}.weight` } = {},
): Node {
  const shape = [module.out, module.in]
  return completed(b, x, module, bias, b.product?.(x, stored, shape) ?? linear(x, b.weight(stored, shape)))
}

/** The same for several modules of one x: one product, where their weights lie side by side. */
export function projectEach(
  b: Binding,
  x: Node,
  modules: readonly LinearModule[],
  { bias = false } = {},
): Node[] {
  const joint = b.joint?.(
    x,
    modules.map(({ name }) => `${name}.weight`),
  )
  if (!joint) return modules.map((module) => project(b, x, module, { bias }))
  let start = 0
  return modules.map((module) => {
    const product = slice(joint, 1, start, module.out)
    start += module.out
    return completed(b, x, module, bias, product)
  })
}

/** What an adapter and a bias make of the product W·x. */
function completed(b: Binding, x: Node, module: LinearModule, bias: boolean, product: Node): Node {
  const y = bias ? add(product, b.weight(`${module.name}.bias`, [module.out])) : product
  return b.adapt?.(module, x, y) ?? y
}

/** A weight whose rows are looked up. */
export const rowsOf = (b: Binding, name: string, shape: readonly number[]): Node =>
  b.table?.(name, shape) ?? b.weight(name, shape)
