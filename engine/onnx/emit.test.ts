import { expect, test } from 'vitest'
import { add, concat, constant, expand, input, matmul, reshape, scalar, sum } from '../graph/build.ts'
import { print } from '../graph/print.ts'
import { Session } from '../runtime/session.ts'
import { emit } from './emit.ts'

test('a graph prints one line a node', () => {
  const x = input('x', ['N', 3])
  const y = add(matmul(x, constant(new Float32Array(12), [4, 3]), { transB: true }), scalar(1))
  expect(print([y])).toBe(
    [
      '%0 = input name=x : float32[N,3]',
      '%1 = constant data=<12> : float32[4,3]',
      '%2 = matmul %0 %1 transB=true alpha=1 : float32[N,4]',
      '%3 = constant data=<1> : float32[]',
      '%4 = add %2 %3 : float32[N,4]',
    ].join('\n'),
  )
})

test('a builder says what did not fit', () => {
  expect(() => matmul(input('a', [2, 3]), input('b', [4, 5]))).toThrow(
    'matmul: [2,3] [4,5]: inner dims differ, 3 and 4',
  )
  expect(() => add(input('a', ['B', 3]), input('b', ['T', 3]))).toThrow('B and T do not broadcast')
  expect(() => reshape(input('a', ['B', 6]), ['B', 5])).toThrow('6*B elements cannot become 5*B')
})

test('sizes known only at run time are worked out from the inputs', async () => {
  const x = input('x', ['B', 'T', 2]) // (B, T, 2)
  const ones = expand(scalar(1), ['B', 3, 2])
  const joined = concat([ones, x], 1) // (B, 3 + T, 2)
  const flat = reshape(joined, ['(3+T)*B', 2])
  const back = reshape(add(flat, scalar(0)), ['B', '(3+T)', 2])
  await using session = await Session.open({ back, total: sum(back) })
  for (const [b, t] of [
    [2, 1],
    [3, 4],
  ] as const) {
    const { back, total } = await session.run({
      x: { data: new Float32Array(b * t * 2).fill(2), shape: [b, t, 2] },
    })
    expect(back.shape).toEqual([b, 3 + t, 2])
    expect(total.data[0]).toBe(b * 3 * 2 + b * t * 2 * 2)
  }
})

test('a size that no input tells is an error', () => {
  expect(() => emit({ y: expand(scalar(1), ['N', 2]) })).toThrow('no input has an axis named N')
})
