/** From samples to the arrays that a training graph is fed. */
import { Random } from './random.ts'
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

/**
 * The additive causal mask (1, 1, T, P + T): a token sees the first `used` of the P rows before it (all of them
 * unless said otherwise), what came before it, and itself.
 */
export function causalMask(time: number, past: number, used = past): Value {
  const width = past + time
  const data = new Float32Array(time * width)
  for (let t = 0; t < time; t++) {
    data.fill(masked, t * width + used, t * width + past)
    data.fill(masked, t * width + past + t + 1, (t + 1) * width)
  }
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

/** Consecutive batches of `size`; the last may be smaller. */
export const inBatches = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))

type Order = { per_device_train_batch_size: number; group_by_length: boolean; seed: number }

/**
 * Batches of epoch after epoch, each epoch in its own seeded random order. Grouped by length, batches hold samples of
 * similar length (sorted within shuffled runs of fifty batches) and come in random order themselves.
 */
export function* endlessBatches<T extends { tokens: readonly number[] }>(
  samples: readonly T[],
  { per_device_train_batch_size: size, group_by_length, seed }: Order,
): Generator<T[], never, void> {
  const random = new Random(seed)
  while (true) {
    const shuffled = random.shuffled(samples)
    if (!group_by_length) yield* inBatches(shuffled, size)
    else {
      const runs = inBatches(shuffled, 50 * size).map((run) =>
        run.sort((a, b) => b.tokens.length - a.tokens.length),
      )
      yield* random.shuffled(inBatches(runs.flat(), size))
    }
  }
}
