import type { Split } from '../contract/dataset.ts'

/**
 * Which of `count` things comes at each place when they are split: round(train · count) for training first, then the rest
 * for the dev set; unless `train` is 1, none is empty when there are two or more.
 */
export function splitOrder(
  count: number,
  { train, shuffle, seed }: Split,
): { order: Uint32Array; train: number } {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  if (shuffle) shuffleInPlace(order, seed)
  if (train === 1) return { order, train: count }
  return { order, train: Math.min(Math.max(Math.round(train * count), 1), Math.max(count - 1, 1)) }
}

/** Fisher–Yates with mulberry32: the same seed gives the same order everywhere. */
function shuffleInPlace(items: Uint32Array, seed: number): void {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1))
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
}
