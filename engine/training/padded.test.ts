import { expect, test } from 'vitest'
import { padded } from './padded.ts'

const sizes = Array.from({ length: 1024 }, (_, i) => i + 1)

test('a thousand sizes become twenty-four', () => {
  const distinct = [...new Set(sizes.map((size) => padded(size, 1024)))]
  expect(distinct).toEqual([
    ...[8, 16, 24, 32, 40, 48, 56, 64],
    ...[80, 96, 112, 128, 160, 192, 224, 256],
    ...[320, 384, 448, 512, 640, 768, 896, 1024],
  ])
})

test('none becomes smaller, and beyond 64 none grows by more than a quarter', () => {
  for (const size of sizes) {
    expect(padded(size, 1024)).toBeGreaterThanOrEqual(size)
    if (size > 64) expect(padded(size, 1024) / size).toBeLessThanOrEqual(1.25)
  }
})

test('nothing is padded beyond the limit', () => {
  expect(padded(65, 70)).toBe(70)
  expect(padded(70, 70)).toBe(70)
  expect(padded(3, 4)).toBe(4)
})
