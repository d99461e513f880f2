import {
  add,
  attend,
  concat,
  gather,
  matmul,
  reshape,
  rotary,
  scatterAdd,
  slice,
  transpose,
} from '../graph/build.ts'
import { type Dim, times } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'

/** Keys and values of one layer, each (B, kvHeads, S, d); keys are already rotated. */
export type KeyValue = { key: Node; value: Node }

/** Rotary positions of a step: (B, T) indices into tables (positions, w/2), w the dims of a head that turn. */
export type Rotation = { positions: Node; cos: Node; sin: Node; interleaved: boolean }

export type Heads = { heads: number; kvHeads: number; headDim: number }

/**
 * Causal attention with grouped queries. `q` is (N, heads·d), `k` and `v` are (N, kvHeads·d), where N is B·T, or only
 * those of its rows that are `present`; `mask` is added to the scores and broadcasts to (B, heads, T, S), where S counts
 * the rows of `past` and then the new ones.
 * @returns the context (N, heads·d), and the new key and value rows for a cache
 */
export function attention(
  { q, k, v }: { q: Node; k: Node; v: Node },
  { heads, kvHeads, headDim: d }: Heads,
  rope: Rotation,
  mask: Node,
  { past, present }: { past?: KeyValue; present?: Node } = {},
): { context: Node; rows: KeyValue } {
  const [B, T] = rope.positions.shape as [Dim, Dim]
  // Rows that are not present are zeros here: the mask hides them from the others.
  const spread = (x: Node) => (present ? scatterAdd(x, present, times(B, T), { distinct: true }) : x) // (B·T, …)
  const byHead = (x: Node, n: number) => transpose(reshape(spread(x), [B, T, n, d]), [0, 2, 1, 3]) // (B, n, T, d)
  const rotate = (x: Node) => rotary(x, rope.positions, rope.cos, rope.sin, rope.interleaved)

  const key = rotate(byHead(k, kvHeads)) // (B, kvHeads, T, d)
  const value = byHead(v, kvHeads)
  const keys = past ? concat([past.key, key], 2) : key // (B, kvHeads, S, d)
  const values = past ? concat([past.value, value], 2) : value
  const S = keys.shape[2]!

  // Queries that share a KV head are one product, without repeating keys, in pieces whose scores stay in the caches.
  const group = heads / kvHeads
  const pieces = [4, 3, 2].find((n) => group % n === 0) ?? 1
  const rows = times(group / pieces, T)
  const query = reshape(rotate(byHead(q, heads)), [B, kvHeads, pieces, rows, d])
  const mixed = Array.from({ length: pieces }, (_, i) => {
    const own = reshape(slice(query, 2, i, 1), [B, kvHeads, rows, d])
    const scores = matmul(own, keys, { transB: true, alpha: 1 / Math.sqrt(d) }) // (B, kvHeads, rows, S)
    const masked = add(reshape(scores, [B, heads / pieces, T, S]), mask)
    return reshape(attend(reshape(masked, [B, kvHeads, rows, S]), values), [B, kvHeads, 1, rows, d])
  })
  const byToken = transpose(reshape(concat(mixed, 2), [B, heads, T, d]), [0, 2, 1, 3])
  const context = reshape(byToken, [times(B, T), heads * d])
  return { context: present ? gather(context, present, { distinct: true }) : context, rows: { key, value } }
}
