import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { type Sampling, sample } from './sampling.ts'

const logits = Float32Array.of(1, 3, 2, -1)
const everything: Sampling = { temperature: 1, topP: 1, topK: 0 }

/** How often each token comes up in 4,000 draws. */
function frequencies(sampling: Sampling): number[] {
  const random = new Random(7)
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 4000; i++) counts[sample(logits, sampling, random)]! += 1
  return counts.map((n) => n / 4000)
}

test('temperature 0 takes the most probable token', () => {
  expect(sample(logits, { ...everything, temperature: 0 }, new Random(1))).toBe(1)
})

test('tokens come up as often as their softmax says', () => {
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0)
  for (const [i, frequency] of frequencies(everything).entries())
    expect(Math.abs(frequency - Math.exp(logits[i]!) / total)).toBeLessThan(0.025) // three standard errors
})

test('a low temperature sharpens, a high one flattens', () => {
  expect(frequencies({ ...everything, temperature: 0.1 })[1]).toBeGreaterThan(0.99)
  expect(frequencies({ ...everything, temperature: 100 })[1]).toBeLessThan(0.3)
})

test('top-k keeps the k most probable tokens', () => {
  expect(frequencies({ ...everything, topK: 2 }).map((f) => f > 0)).toEqual([false, true, true, false])
})

test('top-p keeps the fewest tokens that reach p, and always one', () => {
  expect(frequencies({ ...everything, topP: 0.7 }).map((f) => f > 0)).toEqual([false, true, true, false])
  expect(frequencies({ ...everything, topP: 0 })).toEqual([0, 1, 0, 0])
})

test('the same seed draws the same tokens', () => {
  const draw = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 50 }, () => sample(logits, everything, random))
  }
  expect(draw(3)).toEqual(draw(3))
  expect(draw(3)).not.toEqual(draw(4))
})
