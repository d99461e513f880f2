import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { nucleusOf } from './nucleus.ts'

const sum = (weights: Float32Array) => weights.reduce((total, weight) => total + weight, 0)

/** Those that a nucleus keeps. */
function kept(weights: Float32Array, share: number): number[] {
  let { least, ties } = nucleusOf(weights, sum(weights), share)
  return [...weights.keys()].filter((i) => weights[i]! > least || (weights[i] === least && ties-- > 0))
}

/** The same by sorting. */
function sorted(weights: Float32Array, share: number): number[] {
  const order = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b)
  const needed = share * sum(weights)
  let mass = 0
  const chosen = order.filter((i) => {
    const before = mass
    mass += weights[i]!
    return before < needed
  })
  return chosen.sort((a, b) => a - b)
}

test.each([1e-6, 0.1, 0.5, 0.9, 0.999])('the fewest that reach %f are those that sorting finds', (share) => {
  for (const std of [0, 0.1, 3]) {
    const weights = new Random(1).normal(1000, std).map((x) => Math.exp(-Math.abs(x)))
    expect(kept(weights, share)).toEqual(sorted(weights, share))
    const rounded = weights.map((weight) => Math.ceil(32 * weight) / 32) // with many equal ones, whose sums are exact
    expect(kept(rounded, share)).toEqual(sorted(rounded, share))
  }
})

test('what has no weight is never needed', () => {
  expect(kept(Float32Array.of(0, 1, 0, 1), 0.999_999)).toEqual([1, 3])
})
