import type { Dim, Shape } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { KeyValue } from '../nn/attention.ts'
import { affine, linear } from '../nn/linear.ts'
import type { Rope } from '../nn/rope.ts'

/** What a model asks for while it is built: where its weights come from, and what an adapter puts in. */
export type Binding = {
  /** The float32 weight of this name and shape. */
  weight(name: string, shape: readonly number[]): Node
  /** Rows before the first token, of one layer: a prefix or a cache. */
  past?(layer: number, batch: Dim): KeyValue
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

/** A linear module of a model: weight [out, in] and, if it has one, bias [out], with what an adapter adds. */
export function project(b: Binding, x: Node, module: LinearModule, { bias = false } = {}): Node {
  const { name, in: width, out } = module
  const w = b.weight(`${name}.weight`, [out, width])
  const y = bias ? affine(x, w, b.weight(`${name}.bias`, [out])) : linear(x, w)
  return b.adapt?.(module, x, y) ?? y
}

/** Shape of a layer's cache rows: (batch, kvHeads, rows, headDim). */
export const cacheShape = ({ kvHeads, headDim }: Model, batch: Dim, rows: Dim): Shape => [
  batch,
  kvHeads,
  rows,
  headDim,
]
