/** What the sequences of a step see, as the graph is told. */
import { hide, int64 } from '../models/step.ts'
import type { Value } from '../runtime/session.ts'
import type { Chunk, Sequence } from './chunks.ts'
import { chunkRows } from './graph.ts'

/**
 * @param pool the chunks that the graph is fed; where there are none, one of zeros
 * @param shared the chunks whose rows it is fed as shared
 * @param time T, new tokens of each sequence
 * @param group queries that share a head
 */
export function sightFeeds(
  batch: readonly Sequence[],
  pool: readonly Chunk[],
  shared: readonly Chunk[],
  time: number,
  group: number,
): Record<'owner' | 'owns' | 'unused' | 'near', Value> {
  const [B, N] = [batch.length, Math.max(1, pool.length)]
  const place = new Map(batch.map((sequence, b) => [sequence, b]))
  const owner = new Int32Array(B === 1 ? 1 : N)
  const owns = new Float32Array(B * N)
  const unused = new Float32Array(N * chunkRows)
  if (pool.length === 0) hide(unused, 0, chunkRows)
  for (const [n, { users, length }] of pool.entries()) {
    const [user] = users
    const b = place.get(user!)
    hide(unused, n * chunkRows + (b === undefined ? 0 : length), (n + 1) * chunkRows)
    if (b === undefined) continue
    owns[b * N + n] = 1
    if (B > 1) owner[n] = b
  }
  return {
    owner: int64(owner, [owner.length]),
    owns: { data: owns, shape: [B, N] },
    unused: { data: unused, shape: [N, 1, 1, chunkRows] },
    near: near(batch, shared, time, group),
  }
}

function near(batch: readonly Sequence[], shared: readonly Chunk[], time: number, group: number): Value {
  const [B, T] = [batch.length, time]
  const rows = shared.length * chunkRows
  const width = rows + B * T
  const data = new Float32Array(B * T * group * width)
  hide(data, 0, data.length)
  for (const [b, sequence] of batch.entries())
    for (let t = 0; t < T; t++) {
      const start = (b * T + t) * group * width
      for (const [i, { users, length }] of shared.entries())
        if (users.has(sequence)) data.fill(0, start + i * chunkRows, start + i * chunkRows + length)
      data.fill(0, start + rows + b * T, start + rows + b * T + t + 1)
      for (let g = 1; g < group; g++) data.copyWithin(start + g * width, start, start + width)
    }
  return { data, shape: [B, 1, T * group, width] }
}
