/** From samples to the arrays that a training graph is fed. */
import type { Bindable } from '../adapters/adapter.ts'
import { causalMask, int64, tokenFeeds } from '../models/step.ts'
import { Random } from '../random.ts'
import type { Value } from '../runtime/session.ts'
import { packedFeeds } from './packing.ts'
import { padded } from './padded.ts'

/**
 * A sample ready to train on: token ids, and the positions whose token is a target. Of a packed row, where each of its
 * samples starts.
 */
export type TokenSample = {
  tokens: readonly number[]
  targets: readonly number[]
  starts?: readonly number[]
}

/** How batches are laid out. */
export type Layout = {
  /** To how many tokens a batch may be padded; to its own longest sample when absent. */
  longest?: number
  /** Rows may hold several samples: each row has a mask of its own. */
  packed?: boolean
  /** Padding costs next to nothing outside of attention: tokens alone are rows of hidden states. */
  compact?: boolean
}

export type Batch = {
  feeds: Record<string, Value>
  /** Targets in it, and tokens without padding. */
  labelled: number
  tokens: number
}

/**
 * The feeds of one batch, padded to one of few shapes. Padding on the right needs no mask of its own: causality hides it
 * from real tokens, and its own rows have no target. The token before a target predicts it, so that row of the hidden
 * states is gathered; rows that are no target's fill up their number, with weight 0.
 */
export function collate(
  samples: readonly TokenSample[],
  adapter: Pick<Bindable, 'virtualTokens' | 'firstPosition'>,
  { longest = 0, packed = false, compact = false }: Layout = {},
): Batch {
  const time = padded(Math.max(...samples.map((s) => s.tokens.length)), longest)
  const all = samples.length * time
  const places = samples.flatMap(({ tokens }, b) => tokens.map((_, t) => b * time + t))
  const present = compact ? filled(places, padded(places.length, all)) : undefined
  let start = 0 // of a sample's rows of hidden states
  const targets = samples.flatMap(({ tokens, targets }) => {
    const own = targets.map((t) => start + t - 1)
    start += compact ? tokens.length : time
    return own
  })
  const count = padded(targets.length, present?.length ?? all)
  const labels = new Int32Array(count)
  labels.set(samples.flatMap((s) => s.targets.map((t) => s.tokens[t]!)))
  return {
    feeds: {
      ...tokenFeeds(
        samples.map((s) => s.tokens),
        adapter.firstPosition,
        time,
      ),
      mask: causalMask(time, adapter.virtualTokens),
      ...(packed && packedFeeds(samples, time, adapter)),
      ...(present && { present: int64(present, [present.length]) }),
      rows: int64(filled(targets, count), [count]),
      labels: int64(labels, [count]),
      weights: { data: new Float32Array(count).fill(1, 0, targets.length), shape: [count] },
    },
    labelled: targets.length,
    tokens: samples.reduce((n, s) => n + s.tokens.length, 0),
  }
}

/** These numbers, and then the lowest from 0 on that are not among them, `count` in all: no row may be gathered twice. */
function filled(numbers: readonly number[], count: number): number[] {
  const known = new Set(numbers)
  const all = [...numbers]
  for (let i = 0; all.length < count; i++) if (!known.has(i)) all.push(i)
  return all
}

/** Consecutive batches of `size`; the last may be smaller. */
export const inBatches = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))

type Order = { per_device_train_batch_size: number; group_by_length: boolean; seed: number }

/**
 * Batches of epoch after epoch, each epoch in its own seeded random order, as indices of samples of these lengths. Grouped
 * by length, batches hold samples of similar length (sorted within shuffled runs of fifty batches) and come in random
 * order themselves.
 */
export function* endlessBatches(
  lengths: readonly number[],
  { per_device_train_batch_size: size, group_by_length, seed }: Order,
): Generator<number[], never, void> {
  const random = new Random(seed)
  const numbers = (count: number) => Uint32Array.from({ length: count }, (_, i) => i)
  while (true) {
    const order = random.shuffle(numbers(lengths.length))
    const batches = numbers(Math.ceil(lengths.length / size))
    if (group_by_length) {
      for (let at = 0; at < order.length; at += 50 * size)
        order.set(
          [...order.subarray(at, at + 50 * size)].sort((a, b) => lengths[b]! - lengths[a]!),
          at,
        )
      random.shuffle(batches)
    }
    for (const batch of batches) yield [...order.subarray(batch * size, (batch + 1) * size)]
  }
}
