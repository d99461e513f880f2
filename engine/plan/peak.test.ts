import { expect, test } from 'vitest'
import { add, concat, input, matmul, mul, reshape, tanh } from '../graph/build.ts'
import { peakBytes } from './peak.ts'

const x = input('x', ['B', 4])
const row = 4 * 4 // bytes of a sample

test('a value takes its size at the batch that is asked for', () => {
  expect(peakBytes([mul(x, x)], { B: 3 })).toBe(3 * row)
  expect(peakBytes([mul(x, x)], { B: 6 })).toBe(6 * row)
})

test('a value is dropped after its last use, and may be written over', () => {
  expect(peakBytes([tanh(tanh(tanh(x)))], { B: 1 })).toBe(row)
  const long = matmul(matmul(matmul(x, input('a', [4, 8])), input('b', [8, 8])), input('c', [8, 4]))
  expect(peakBytes([long], { B: 1 })).toBe(2 * 8 * 4)
})

test('what is needed later is there all the time', () => {
  const kept = tanh(x)
  const wide = matmul(matmul(kept, input('a', [4, 8])), input('b', [8, 4]))
  expect(peakBytes([add(kept, wide)], { B: 1 })).toBe(row + 2 * row + row)
})

test('another shape of a value takes nothing', () => {
  expect(peakBytes([concat([reshape(tanh(x), [4, 'B'])], 0)], { B: 2 })).toBe(2 * 2 * row)
})

test('an output is kept to the end', () => {
  expect(peakBytes([tanh(x), mul(x, x)], { B: 1 })).toBe(2 * row)
})
