import { expect, test } from 'vitest'
import { waitAfter } from './back-off.ts'

const waits = (random: number) =>
  Array.from({ length: 30 }, (_, i) => waitAfter(i + 1, random)).filter((wait) => wait !== undefined)
const seconds = (ms: number) => ms / 1000

test('waits double from 5 s to 6 h', () => {
  expect(waits(0).slice(0, 4).map(seconds)).toEqual([5, 10, 20, 40])
  expect(waits(0).at(-1)).toBe(6 * 3_600_000)
})

test('24 attempts reach over more than two days and less than 72 h', () => {
  const hours = (random: number) => waits(random).reduce((sum, wait) => sum + wait, 0) / 3_600_000
  expect(waits(0)).toHaveLength(23)
  expect(hours(0)).toBeCloseTo(71.38, 2)
  expect(hours(1)).toBeCloseTo(57.1, 1)
  expect(waitAfter(24, 0)).toBeUndefined()
})

test('chance takes away up to a fifth', () => {
  expect([0, 0.5, 1].map((random) => seconds(waitAfter(1, random)!))).toEqual([5, 4.5, 4])
})
