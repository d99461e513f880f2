/** Several short samples in one row of a batch: less padding, and each sample sees only itself and the prefix. */
import type { Bindable } from '../adapters/adapter.ts'
import { causalMask, hide, int64 } from '../models/step.ts'
import { Random } from '../random.ts'
import type { Value } from '../runtime/session.ts'
import type { TokenSample } from './batch.ts'

const runLength = 1000 // samples: first-fit compares each with the rows of its run, so this bounds the time per sample

/**
 * Packs samples of these lengths into rows of at most `room` tokens: each goes into the first row that has space for it,
 * the longest first (first-fit decreasing), within shuffled runs of a thousand. Every sample is in one row, and no sample
 * is divided.
 * @returns the samples of each row, as indices
 */
export function pack(lengths: readonly number[], room: number, seed: number): number[][] {
  const shuffled = new Random(seed).shuffled([...lengths.keys()])
  const rows: number[][] = []
  for (let start = 0; start < shuffled.length; start += runLength)
    rows.push(...firstFitDecreasing(shuffled.slice(start, start + runLength), lengths, room))
  return rows
}

function firstFitDecreasing(
  samples: readonly number[],
  lengths: readonly number[],
  room: number,
): number[][] {
  const rows: { free: number; samples: number[] }[] = []
  for (const sample of samples.toSorted((a, b) => lengths[b]! - lengths[a]!)) {
    const length = lengths[sample]!
    const row = rows.find(({ free }) => free >= length)
    if (row) {
      row.samples.push(sample)
      row.free -= length
    } else rows.push({ free: room - length, samples: [sample] })
  }
  return rows.map((row) => row.samples)
}

/** Samples one after the other, as one that knows where each of them starts. */
export function joined(samples: readonly TokenSample[]): TokenSample {
  const tokens: number[] = []
  const targets: number[] = []
  const starts: number[] = []
  for (const sample of samples) {
    starts.push(tokens.length)
    targets.push(...sample.targets.map((t) => tokens.length + t))
    tokens.push(...sample.tokens)
  }
  return { tokens, targets, starts }
}

/**
 * What rows of several samples are fed in place of what rows of one are: positions (B, T) that begin again with every
 * sample, and a mask (B, 1, T, P + T) by which a token sees the prefix, and what came before it in its own sample.
 * Padding belongs to the last sample of its row.
 */
export function packedFeeds(
  rows: readonly TokenSample[],
  time: number,
  { virtualTokens, firstPosition }: Pick<Bindable, 'virtualTokens' | 'firstPosition'>,
): Record<'positions' | 'mask', Value> {
  const width = virtualTokens + time
  const causal = causalMask(time, virtualTokens).data as Float32Array
  const mask = new Float32Array(rows.length * causal.length)
  const positions = new Int32Array(rows.length * time)
  for (const [b, { starts = [0] }] of rows.entries()) {
    mask.set(causal, b * causal.length)
    for (const [i, start] of starts.entries()) {
      for (let t = start; t < (starts[i + 1] ?? time); t++) {
        const row = b * time + t
        positions[row] = firstPosition + t - start
        hide(mask, row * width + virtualTokens, row * width + virtualTokens + start)
      }
    }
  }
  return {
    positions: int64(positions, [rows.length, time]),
    mask: { data: mask, shape: [rows.length, 1, time, width] },
  }
}
