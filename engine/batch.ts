/** From samples to the arrays that a training graph is fed. */
import type { Random } from './random.ts'
import type { Value } from './runtime/session.ts'

/** A sample ready to train on: token ids, and the positions whose token is a target. */
export type TokenSample = { tokens: readonly number[]; targets: readonly number[] }

export type Batch = {
  feeds: Record<string, Value>
  /** Targets in it, and tokens without padding. */
  labelled: number
  tokens: number
}

const masked = -1e9 // exp of it is 0 in float32, and unlike −∞ it cannot turn into NaN

/** The additive causal mask (1, 1, T, P + T): a token sees every prefix row, itself and what came before. */
export function causalMask(time: number, virtualTokens: number): Value {
  const width = virtualTokens + time
  const data = new Float32Array(time * width)
  for (let t = 0; t < time; t++) data.fill(masked, t * width + virtualTokens + t + 1, (t + 1) * width)
  return { data, shape: [1, 1, time, width] }
}

const int64 = (values: ArrayLike<number>, shape: readonly number[]): Value => ({
  data: BigInt64Array.from(values as number[], BigInt),
  shape,
})

/** Token ids (B, T), padded on the right with 0, and their positions, the first real token at `offset`. */
export function tokenFeeds(rows: readonly (readonly number[])[], offset: number): Record<string, Value> {
  const time = Math.max(...rows.map((row) => row.length))
  const shape = [rows.length, time]
  const tokens = new Int32Array(rows.length * time)
  for (const [b, row] of rows.entries()) tokens.set(row, b * time)
  return {
    tokens: int64(tokens, shape),
    positions: int64(
      tokens.map((_, i) => offset + (i % time)),
      shape,
    ),
  }
}

/**
 * The feeds of one batch. Right padding needs no mask of its own: causality hides it from real tokens, and its own
 * rows have no target. The token before a target predicts it, so that row of the hidden states is gathered.
 */
export function collate(samples: readonly TokenSample[], virtualTokens: number): Batch {
  const time = Math.max(...samples.map((s) => s.tokens.length))
  const rows = samples.flatMap((s, b) => s.targets.map((t) => b * time + t - 1))
  const labels = samples.flatMap((s) => s.targets.map((t) => s.tokens[t]!))
  return {
    feeds: {
      ...tokenFeeds(
        samples.map((s) => s.tokens),
        virtualTokens,
      ),
      mask: causalMask(time, virtualTokens),
      rows: int64(rows, [rows.length]),
      labels: int64(labels, [labels.length]),
    },
    labelled: labels.length,
    tokens: samples.reduce((n, s) => n + s.tokens.length, 0),
  }
}

/**
 * The order of one epoch: all samples in seeded random order, in batches of `size`. Grouped by length, batches hold
 * samples of similar length (sorted within shuffled runs of fifty batches), and come in random order themselves.
 */
export function epochBatches<T extends { tokens: readonly number[] }>(
  samples: readonly T[],
  size: number,
  random: Random,
  groupByLength: boolean,
): T[][] {
  const batches = (list: readonly T[]) =>
    Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
  const shuffled = random.shuffled(samples)
  if (!groupByLength) return batches(shuffled)
  const run = 50 * size
  const sorted = Array.from({ length: Math.ceil(shuffled.length / run) }, (_, i) =>
    shuffled.slice(i * run, (i + 1) * run).sort((a, b) => b.tokens.length - a.tokens.length),
  )
  return random.shuffled(batches(sorted.flat()))
}
