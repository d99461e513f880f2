import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { type Sampling, sample } from './sampling.ts'

// Probabilities of which each set of the most probable has a sum of its own.
const probabilities = [0.1, 0.4, 0.05, 0.25, 0.2]
const logits = Float32Array.from(probabilities, Math.log)
const everything: Sampling = { temperature: 1, topP: 1, topK: 0 }

/** A draw that always gives this number. */
const drawing = (u: number) => Object.assign(new Random(0), { uniform: () => u })

/** The probability of each token, read off the draws u at which the token changes: exact to 1/10,000. */
function distribution(sampling: Partial<Sampling>, row = logits): number[] {
  const [steps, counts] = [10_000, row.map(() => 0)]
  for (let i = 0; i < steps; i++)
    counts[sample(row, { ...everything, ...sampling }, drawing((i + 0.5) / steps))]! += 1
  return Array.from(counts, (n) => n / steps)
}

const close = (found: number[], wanted: number[]) => {
  expect(found.length).toBe(wanted.length)
  for (const [i, p] of wanted.entries()) expect(found[i]).toBeCloseTo(p, 3)
}

test.each<[rule: string, sampling: Partial<Sampling>, wanted: number[]]>([
  ['nothing changed: the softmax', {}, probabilities],
  ['temperature 0: the most probable', { temperature: 0 }, [0, 1, 0, 0, 0]],
  // p^(1/T) / sum, with T = 0.5: squares 0.01, 0.16, 0.0025, 0.0625, 0.04, whose sum is 0.275
  ['temperature ½: squares', { temperature: 0.5 }, [0.01, 0.16, 0.0025, 0.0625, 0.04].map((p) => p / 0.275)],
  ['top-k 2: the two most probable', { topK: 2 }, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]],
  ['top-k beyond the vocabulary: all', { topK: 9 }, probabilities],
  ['top-p 0.6: the fewest that reach it', { topP: 0.6 }, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]],
  ['top-p 0.66: one more', { topP: 0.66 }, [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85]],
  ['top-p next to nothing: one', { topP: 1e-9 }, [0, 1, 0, 0, 0]],
  // Of 0.4, 0.25, 0.2, the share of the first two is 0.765.
  ['top-p of what top-k kept', { topK: 3, topP: 0.76 }, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]],
  ['min-p 0.45: at least 0.18', { minP: 0.45 }, [0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85]],
  ['min-p 1: the most probable', { minP: 1 }, [0, 1, 0, 0, 0]],
  // After the temperature: of squares, those from 0.3 · 0.16 = 0.048 on.
  ['min-p after temperature', { temperature: 0.5, minP: 0.3 }, [0, 0.16 / 0.2225, 0, 0.0625 / 0.2225, 0]],
  ['the strictest of top-p and min-p', { topP: 0.9, minP: 0.6 }, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]],
])('%s', (_, sampling, wanted) => close(distribution(sampling), wanted))

test('of equally probable tokens top-p keeps no more than it needs, and top-k all', () => {
  const level = new Float32Array(4)
  close(distribution({ topP: 0.5 }, level), [0.5, 0.5, 0, 0])
  close(distribution({ topK: 2 }, level), [0.25, 0.25, 0.25, 0.25])
})

test('a token of no probability is never drawn, at whatever draw', () => {
  const row = Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY)
  for (const u of [0, 0.5, 1 - 2 ** -32]) expect(sample(row, everything, drawing(u))).toBe(1)
})

test('the same seed draws the same tokens', () => {
  const draw = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 50 }, () => sample(logits, everything, random))
  }
  expect(draw(3)).toEqual(draw(3))
  expect(draw(3)).not.toEqual(draw(4))
})
