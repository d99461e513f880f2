/** From samples to the arrays that a training graph is fed. */
import type { Bindable } from '../adapters/adapter.ts'
import { causalMask, int64, tokenFeeds } from '../models/step.ts'
import { Random } from '../random.ts'
import type { Value } from '../runtime/session.ts'

/** A sample ready to train on: token ids, and the positions whose token is a target. */
export type TokenSample = { tokens: readonly number[]; targets: readonly number[] }

export type Batch = {
  feeds: Record<string, Value>
  /** Targets in it, and tokens without padding. */
  labelled: number
  tokens: number
}

/**
 * The feeds of one batch. Right padding needs no mask of its own: causality hides it from real tokens, and its own
 * rows have no target. The token before a target predicts it, so that row of the hidden states is gathered.
 */
export function collate(
  samples: readonly TokenSample[],
  { virtualTokens, firstPosition }: Pick<Bindable, 'virtualTokens' | 'firstPosition'>,
): Batch {
  const time = Math.max(...samples.map((s) => s.tokens.length))
  const rows = samples.flatMap((s, b) => s.targets.map((t) => b * time + t - 1))
  const labels = samples.flatMap((s) => s.targets.map((t) => s.tokens[t]!))
  return {
    feeds: {
      ...tokenFeeds(
        samples.map((s) => s.tokens),
        firstPosition,
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
