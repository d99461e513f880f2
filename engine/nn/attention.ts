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
  const pieces = piecesOf(heads, kvHeads)
  const ownHeads = heads / pieces
  const ownKvHeads = Math.max(1, kvHeads / pieces)
  const rows = times(ownHeads / ownKvHeads, T)
  const query = rotate(byHead(q, heads)) // (B, heads, T, d)
  const keyParts = split(keys, ownKvHeads) // (B, ownKvHeads, S, d)
  const valueParts = split(values, ownKvHeads)
  const mixed = split(query, ownHeads).map((part, i) => {
    const at = Math.floor((i * keyParts.length) / pieces)
    const own = reshape(part, [B, ownKvHeads, rows, d])
    const scores = matmul(own, keyParts[at]!, { transB: true, alpha: 1 / Math.sqrt(d) }) // (B, ownKvHeads, rows, S)
    const masked = add(reshape(scores, [B, ownHeads, T, S]), mask)
    return reshape(attend(reshape(masked, [B, ownKvHeads, rows, S]), valueParts[at]!), [B, ownHeads, T, d])
  })
  const byToken = transpose(concat(mixed, 1), [0, 2, 1, 3])
  const context = reshape(byToken, [times(B, T), heads * d])
  return { context: present ? gather(context, present, { distinct: true }) : context, rows: { key, value } }
}

/** At most eight, each of some heads of one KV head, or of all heads of some KV heads. */
const piecesOf = (heads: number, kvHeads: number): number =>
  [8, 7, 6, 5, 4, 3, 2].find((n) => heads % n === 0 && (kvHeads % n === 0 || n % kvHeads === 0)) ?? 1

/** So many heads each. */
const split = (x: Node, heads: number): Node[] =>
  Array.from({ length: Number(x.shape[1]) / heads }, (_, i) => slice(x, 1, i * heads, heads))
