import type { Dim, Shape } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { KeyValue } from '../nn/attention.ts'
import type { RopeTables } from '../nn/rope.ts'

/** What a model asks for while it is built: where its weights come from, and what stands before its input. */
export type Binding = {
  /** The float32 weight of this name and shape. */
  weight(name: string, shape: readonly number[]): Node
  /** Rows before the first token, of one layer: a prefix or a cache. */
  past?(layer: number, batch: Dim): KeyValue
}

/** The inputs of one pass. */
export type Step = {
  /** (B, T) token ids. */
  tokens: Node
  /** (B, T) rotary positions. */
  positions: Node
  /** Added to attention scores; broadcasts to (B, heads, T, S). */
  mask: Node
  /** (positions, d/2) rotary tables. */
  cos: Node
  sin: Node
}

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
  /** The last hidden states (B·T, hidden), normed, and each layer's new key and value rows (B, kvHeads, T, d). */
  forward(binding: Binding, step: Step): { hidden: Node; rows: KeyValue[] }
  /** (N, hidden) to (N, vocabulary). */
  logits(binding: Binding, hidden: Node): Node
  rope(positions: number): RopeTables
}

/** Shape of a layer's cache rows: (batch, kvHeads, rows, headDim). */
export const cacheShape = ({ kvHeads, headDim }: Model, batch: Dim, rows: Dim): Shape => [
  batch,
  kvHeads,
  rows,
  headDim,
]
