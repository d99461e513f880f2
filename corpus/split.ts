import type { Split } from '../contract/dataset.ts'

/** Splits into round(train · n) for training and the rest for the dev set; unless `train` is 1, none is empty when n ≥ 2. */
export function split<T>(items: readonly T[], { train, shuffle, seed }: Split): { train: T[]; dev: T[] } {
  const ordered = shuffle ? shuffled(items, seed) : [...items]
  if (train === 1) return { train: ordered, dev: [] }
  const count = Math.min(Math.max(Math.round(train * items.length), 1), Math.max(items.length - 1, 1))
  return { train: ordered.slice(0, count), dev: ordered.slice(count) }
}

/** Fisher–Yates with mulberry32: the same seed gives the same order everywhere. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const out = [...items]
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1))
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}
