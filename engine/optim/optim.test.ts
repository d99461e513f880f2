import { expect, test } from 'vitest'
import { AdamW } from './adamw.ts'
import { clipGradients } from './clip.ts'
import { learningRateAt } from './schedule.ts'

const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 }

test('the first AdamW step moves a weight by the learning rate against its gradient, after decay', () => {
  const w = { shape: [1, 2], data: Float32Array.of(1, -2) }
  new AdamW(new Map([['w', w]]), options).step(
    new Map([['w', w]]),
    new Map([['w', Float32Array.of(3, -4)]]),
    0.01,
  )
  expect(w.data[0]).toBeCloseTo(1 * (1 - 0.001) - 0.01, 6)
  expect(w.data[1]).toBeCloseTo(-2 * (1 - 0.001) + 0.01, 6)
})

test('biases and norms are not decayed', () => {
  const bias = { shape: [1], data: Float32Array.of(5) }
  new AdamW(new Map([['b', bias]]), options).step(
    new Map([['b', bias]]),
    new Map([['b', Float32Array.of(0)]]),
    1,
  )
  expect(bias.data[0]).toBe(5)
})

test('clipping keeps the direction and returns the norm before', () => {
  const g = Float32Array.of(3, 4)
  expect(clipGradients(new Map([['g', g]]), 1)).toBe(5)
  expect(g[0]).toBeCloseTo(0.6, 6)
  expect(g[1]).toBeCloseTo(0.8, 6)
  expect(clipGradients(new Map([['g', g]]), 0)).toBeCloseTo(1, 5)
})

test('schedules warm up in a line and end where they should', () => {
  const at = (type: 'linear' | 'cosine' | 'constant', step: number) =>
    learningRateAt({ type, learningRate: 1, warmupSteps: 10, steps: 110 }, step)
  expect([at('linear', 0), at('linear', 5), at('linear', 10), at('linear', 60)]).toEqual([0, 0.5, 1, 0.5])
  expect(at('linear', 110)).toBe(0)
  expect(at('cosine', 60)).toBeCloseTo(0.5, 12)
  expect(at('cosine', 110)).toBeCloseTo(0, 12)
  expect([at('constant', 5), at('constant', 110)]).toEqual([0.5, 1])
})
