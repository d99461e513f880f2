/** What the sequences of a step see, as the graph is told. */
import { hide, int64 } from '../models/step.ts'
import type { Value } from '../runtime/session.ts'
import type { Chunk, Sequence } from './chunks.ts'
import { chunkRows } from './graph.ts'

/** ONNX Runtime adds up so many numbers before it adds them to a sum; sums of chunks are filled up to a multiple of it. */
const sumsInStep = 4

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
): Record<'owner' | 'places' | 'owns' | 'unused' | 'near', Value> {
  const [B, N] = [batch.length, Math.max(1, pool.length)]
  const index = new Map(pool.map((chunk, n) => [chunk, n]))
  const own = batch.map(({ chunks }) => chunks.flatMap((chunk) => index.get(chunk) ?? []))
  const M = sumsInStep * Math.max(1, ...own.map(({ length }) => Math.ceil(length / sumsInStep)))
  const owner = new Int32Array(B === 1 ? 1 : N)
  const places = new Int32Array(B * M)
  const owns = new Float32Array(B * M)
  const unused = new Float32Array(N * chunkRows)
  hide(unused, 0, unused.length)
  for (const [b, chunks] of own.entries()) {
    places.set(chunks, b * M)
    owns.fill(1, b * M, b * M + chunks.length)
    for (const n of chunks) {
      unused.fill(0, n * chunkRows, n * chunkRows + pool[n]!.length)
      if (B > 1) owner[n] = b
    }
  }
  return {
    owner: int64(owner, [owner.length]),
    places: int64(places, [B, M]),
    owns: { data: owns, shape: [B, 1, M] },
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
