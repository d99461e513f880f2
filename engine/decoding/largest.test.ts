import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { argmax, largest } from './largest.ts'

test('the largest come first, of equal ones the first', () => {
  const values = Float32Array.of(1, 7, 3, 7, -2, 3)
  expect([...largest(values, 3)]).toEqual([1, 3, 2])
  expect([...largest(values, 9)]).toEqual([1, 3, 2, 5, 0, 4])
  expect([...largest(values, 0)]).toEqual([])
  expect(argmax(values)).toBe(1)
})

test.each([1, 2, 20, 999])('%i of 1,000 are those that sorting finds', (count) => {
  const values = new Random(count).normal(1000, 1).map((x) => Math.round(10 * x)) // with many equal ones
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b)
  expect([...largest(values, count)]).toEqual(order.slice(0, count))
})
