import { describe, expect, test } from 'vitest'
import { causalMask } from './step.ts'

/** A mask as rows of what is seen (1) and hidden (0). */
const seen = ({ data, shape }: ReturnType<typeof causalMask>) => {
  const width = shape[3]!
  return Array.from({ length: shape[2]! }, (_, t) =>
    Array.from(data.subarray(t * width, (t + 1) * width) as Float32Array, (m) => (m === 0 ? 1 : 0)),
  )
}

describe('the causal mask', () => {
  test('a token sees what came before it and itself', () => {
    expect(causalMask(3, 0).shape).toEqual([1, 1, 3, 3])
    expect(seen(causalMask(3, 0))).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
    ])
  })

  test('a token sees all rows of a prefix, and of a cache those in use', () => {
    expect(seen(causalMask(2, 3))).toEqual([
      [1, 1, 1, 1, 0],
      [1, 1, 1, 1, 1],
    ])
    expect(seen(causalMask(2, 3, 1))).toEqual([
      [1, 0, 0, 1, 0],
      [1, 0, 0, 1, 1],
    ])
  })

  test('hides by a number whose exponential is 0, and which is finite', () => {
    const [hidden] = (causalMask(1, 1, 0).data as Float32Array).slice(0, 1)
    expect(Math.exp(hidden!)).toBe(0)
    expect(Number.isFinite(hidden)).toBe(true)
  })
})
