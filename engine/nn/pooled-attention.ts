import {
  add,
  concat,
  div,
  exp,
  gather,
  largest,
  matmul,
  max,
  reshape,
  rotary,
  sub,
  sum,
  transpose,
} from '../graph/build.ts'
import { type Dim, times } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Heads, KeyValue, Rotation } from './attention.ts'

/** Which cached rows each sequence of a batch sees. */
export type Sight = {
  /** (N) the sequence that each chunk belongs to; where there is one sequence, that once is enough. */
  owner: Node
  /** (B, M) the chunks of each sequence in the order of its rows, filled up with any. */
  places: Node
  /** (B, 1, M) 1 where that is a chunk of its own, else 0. */
  owns: Node
  /** (B, M, 1, 1, 1) 0 where it is, else −10³⁰. */
  others: Node
  /** (N, 1, 1, C) added to scores: hides rows of a chunk that are not in use. */
  unused: Node
  /** (B, 1, T·G, R + B·T) added to scores: hides shared and new rows that a token does not see. G queries share a head. */
  near: Node
}

/** What is cached of one layer; keys are rotated. */
export type Cached = {
  /** Chunks of C rows, each of one sequence: keys (N, kvHeads, d, C), values (N, kvHeads, strips, C, d / strips). */
  chunks: KeyValue
  /** R rows that sequences share, or that the one which reads has just read, (R, kvHeads, 1, d). */
  shared: KeyValue
}

/**
 * Attention of B sequences of T new tokens, each over what is cached of it, without copying that: a chunk meets the queries
 * of its owner alone, shared rows and the new ones meet all queries, and a mask says who sees what.
 * `q` is (B·T, heads·d), `k` and `v` are (B·T, kvHeads·d).
 * @returns the context (B·T, heads·d), and the new rows (B·T, kvHeads, 1, d)
 */
export function pooledAttention(
  { q, k, v }: { q: Node; k: Node; v: Node },
  { heads, kvHeads, headDim: d }: Heads,
  rope: Rotation,
  { chunks, shared }: Cached,
  { owner, places, owns, others, unused, near }: Sight,
): { context: Node; rows: KeyValue } {
  const [B, T] = rope.positions.shape as [Dim, Dim]
  const group = heads / kvHeads
  const [all, queries] = [times(B, T), times(T, group)]
  const positions = reshape(rope.positions, [all, 1])
  const rotate = (x: Node, n: number) =>
    rotary(reshape(x, [all, n, 1, d]), positions, rope.cos, rope.sin, rope.interleaved)
  const byHead = (rows: Node) => transpose(rows, [2, 1, 0, 3]) // (1, kvHeads, rows, d)

  const key = rotate(k, kvHeads)
  const value = reshape(v, [all, kvHeads, 1, d])
  const turned = reshape(rotate(q, heads), [B, T, kvHeads, group * d])
  const query = reshape(transpose(turned, [0, 2, 1, 3]), [B, kvHeads, queries, d])
  const alpha = 1 / Math.sqrt(d)

  const nearKeys = byHead(concat([shared.key, key], 0))
  const nearScores = add(matmul(query, nearKeys, { transB: true, alpha }), near) // (B, kvHeads, T·G, R + B·T)
  const farScores = add(matmul(gather(query, owner), chunks.key, { alpha }), unused) // (N, kvHeads, T·G, C)

  // softmax over both: e^(s − most), divided by their sum
  const mostFar = largest(add(gather(largest(farScores, [3]), places), others), [1]) // (B, 1, kvHeads, T·G, 1)
  const most = max(reshape(mostFar, [B, kvHeads, queries, 1]), largest(nearScores, [3]))
  const nearWeights = exp(sub(nearScores, most))
  const farWeights = exp(sub(farScores, gather(most, owner)))

  /**
   * The sums over the chunks of each sequence: (N, kvHeads, …) to (B, kvHeads, T·G, width). They are added in its own order,
   * so that what else lies in the pool does not change a bit of them.
   */
  const joined = (x: Node, width: number) => {
    const own = reshape(gather(x, places), [B, owns.shape[2]!, times(kvHeads, queries, width)])
    return reshape(matmul(owns, own), [B, kvHeads, queries, width])
  }
  const total = add(joined(sum(farWeights, [3]), 1), sum(nearWeights, [3]))
  const [N, , strips, C, strip] = chunks.value.shape as [Dim, Dim, number, number, number]
  const inStrips = matmul(reshape(farWeights, [N, kvHeads, 1, queries, C]), chunks.value)
  const far = reshape(joined(inStrips, d), [B, kvHeads, strips, queries, strip])
  const mixed = add(
    reshape(transpose(far, [0, 1, 3, 2, 4]), [B, kvHeads, queries, d]),
    matmul(nearWeights, byHead(concat([shared.value, value], 0))),
  )
  const context = reshape(div(mixed, total), [B, kvHeads, T, group * d])
  return { context: reshape(transpose(context, [0, 2, 1, 3]), [all, heads * d]), rows: { key, value } }
}
