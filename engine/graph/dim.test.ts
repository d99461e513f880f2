import { expect, test } from 'vitest'
import { input, slice } from './build.ts'
import { operands, plus, times } from './dim.ts'

test('a product is spelled in one way, however it came about', () => {
  expect(times(2, 3)).toBe(6)
  expect(times('T', 4)).toBe('4*T')
  expect(times(times('T', 2), times('B', 2))).toBe(times(4, 'B', 'T'))
  expect(times(plus('T', 128), 'B')).toBe('(128+T)*B')
})

test('a sum is spelled in one way, however it came about', () => {
  expect(plus(2, 3)).toBe(5)
  expect(plus('T', 0)).toBe('T')
  expect(plus('T', 128)).toBe('(128+T)')
  expect(plus(plus('T', 100), 28, 'P')).toBe(plus('P', 'T', 128))
})

test('a composite size comes apart into what it was made of', () => {
  expect(operands('T')).toBeUndefined()
  expect(operands('4*B*T')).toEqual({ op: 'product', of: [4, 'B', 'T'] })
  expect(operands('(128+4*T)')).toEqual({ op: 'sum', of: [128, '4*T'] })
  expect(operands('(128+T)*B')).toEqual({ op: 'product', of: ['(128+T)', 'B'] })
})

test('a slice of unknown size reaches to the end, or is refused', () => {
  const x = input('x', [2, plus(3, 'T')])
  expect(slice(x, 1, 3, 'T').shape).toEqual([2, 'T'])
  expect(() => slice(x, 1, 0, 'T')).toThrow('slice: [2,(3+T)]: axis 1 has (3+T) rows, not 0 + T')
  expect(() => slice(x, 0, 1, 2)).toThrow('axis 0 has 2 rows, not 1 + 2')
})
