import { expect, test } from 'vitest'
import {
  add,
  attend,
  cast,
  concat,
  constant,
  crossEntropy,
  div,
  exp,
  expand,
  gather,
  gelu,
  input,
  log,
  matmul,
  mean,
  mul,
  neg,
  pad,
  reshape,
  rmsNorm,
  rotary,
  scatterAdd,
  sigmoid,
  silu,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  tanh,
  transpose,
} from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { OpName } from '../graph/op.ts'
import { Session, type Value } from '../runtime/session.ts'
import { backward } from './backward.ts'
import { gradRules } from './rules.ts'

type Case = { shapes: readonly (readonly number[])[]; build: (...x: Node[]) => Node; positive?: true }

const index = (...values: number[]) => constant(BigInt64Array.from(values, BigInt), [values.length])
const angles = [0.3, -1.2, 2.0, 0.7, 1.1, -0.4, 0.9, 0.2]
const cos = constant(Float32Array.from(angles, Math.cos), [4, 2])
const sin = constant(Float32Array.from(angles, Math.sin), [4, 2])
const positions = constant(BigInt64Array.from([0n, 2n, 1n, 3n, 1n, 0n]), [2, 3])
const rotated = (x: Node, interleaved: boolean) => rotary(x, positions, cos, sin, interleaved)

/** Every op earns a line: the shapes of its differentiable inputs, and how it is built from them. */
const cases: Record<string, Case> = {
  add: { shapes: [[2, 3], [3]], build: (a, b) => add(a!, b!) },
  'sub, broadcast on both sides': {
    shapes: [
      [2, 1],
      [1, 3],
    ],
    build: (a, b) => sub(a!, b!),
  },
  'mul, broadcast into more axes': {
    shapes: [
      [2, 2, 3],
      [1, 3],
    ],
    build: (a, b) => mul(a!, b!),
  },
  div: {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: (a, b) => div(a!, b!),
    positive: true,
  },
  neg: { shapes: [[2, 3]], build: (x) => neg(x!) },
  exp: { shapes: [[2, 3]], build: (x) => exp(x!) },
  log: { shapes: [[2, 3]], build: (x) => log(x!), positive: true },
  sqrt: { shapes: [[2, 3]], build: (x) => sqrt(x!), positive: true },
  tanh: { shapes: [[2, 3]], build: (x) => tanh(x!) },
  sigmoid: { shapes: [[2, 3]], build: (x) => sigmoid(x!) },
  silu: { shapes: [[2, 3]], build: (x) => silu(x!) },
  gelu: { shapes: [[2, 3]], build: (x) => gelu(x!) },
  matmul: {
    shapes: [
      [2, 3],
      [3, 4],
    ],
    build: (a, b) => matmul(a!, b!, { alpha: 0.5 }),
  },
  'matmul, Aᵀ': {
    shapes: [
      [3, 2],
      [3, 4],
    ],
    build: (a, b) => matmul(a!, b!, { transA: true }),
  },
  'matmul, Bᵀ': {
    shapes: [
      [2, 3],
      [4, 3],
    ],
    build: (a, b) => matmul(a!, b!, { transB: true, alpha: 2 }),
  },
  'matmul, Aᵀ Bᵀ': {
    shapes: [
      [3, 2],
      [4, 3],
    ],
    build: (a, b) => matmul(a!, b!, { transA: true, transB: true }),
  },
  'matmul, batched': {
    shapes: [
      [2, 2, 2, 3],
      [2, 2, 4, 3],
    ],
    build: (a, b) => matmul(a!, b!, { transB: true }),
  },
  'matmul, one side broadcast': {
    shapes: [
      [2, 2, 3],
      [1, 3, 4],
    ],
    build: (a, b) => matmul(a!, b!),
  },
  sum: { shapes: [[2, 3, 2]], build: (x) => sum(x!, [0, -1]) },
  mean: { shapes: [[2, 3, 2]], build: (x) => mean(x!, [1]) },
  reshape: { shapes: [[2, 6]], build: (x) => reshape(x!, [3, 4]) },
  transpose: { shapes: [[2, 3, 4]], build: (x) => transpose(x!, [2, 0, 1]) },
  concat: {
    shapes: [
      [2, 1, 2],
      [2, 3, 2],
    ],
    build: (a, b) => concat([a!, b!], 1),
  },
  slice: { shapes: [[2, 5]], build: (x) => slice(x!, 1, 1, 3) },
  'slice, side by side': {
    shapes: [[2, 5]],
    build: (x) => concat([tanh(slice(x!, 1, 1, 1)), slice(x!, 1, 2, 2), exp(slice(x!, 1, 0, 1))], 1),
  },
  'slice, of the same rows': {
    shapes: [[2, 5]],
    build: (x) => mul(slice(x!, 1, 0, 3), slice(x!, 1, 1, 3)),
  },
  pad: { shapes: [[2, 3]], build: (x) => pad(x!, 1, 1, 5) },
  expand: { shapes: [[2, 1]], build: (x) => expand(x!, [3, 2, 4]) },
  'gather, with a repeated row': { shapes: [[4, 3]], build: (x) => gather(x!, index(2, 0, 2)) },
  'gather, of distinct rows': {
    shapes: [[4, 3]],
    build: (x) => gather(x!, index(3, 0, 2), { distinct: true }),
  },
  'gather, by an index of two axes': {
    shapes: [[4, 3]],
    build: (x) => gather(x!, reshape(index(2, 0, 2, 3), [2, 2])),
  },
  'scatterAdd, with a repeated row': { shapes: [[3, 2]], build: (x) => scatterAdd(x!, index(1, 3, 1), 4) },
  softmax: { shapes: [[2, 4]], build: (x) => softmax(x!) },
  attend: {
    shapes: [
      [2, 3, 4],
      [2, 4, 2],
    ],
    build: (s, v) => attend(s!, v!),
  },
  rmsNorm: { shapes: [[3, 4], [4]], build: (x, w) => rmsNorm(x!, w!, 1e-5) },
  rotary: { shapes: [[2, 2, 3, 4]], build: (x) => rotated(x!, false) },
  'rotary, interleaved': { shapes: [[2, 2, 3, 4]], build: (x) => rotated(x!, true) },
  'rotary, of the first dims only': { shapes: [[2, 2, 3, 8]], build: (x) => rotated(x!, true) },
  'rotary, of the first dims only, in halves': { shapes: [[2, 2, 3, 6]], build: (x) => rotated(x!, false) },
  crossEntropy: { shapes: [[3, 5]], build: (x) => crossEntropy(x!, index(4, 0, 2)) },
}

/** Seeded values in ±1, or in [0.5, 1.5], so that a failure repeats. */
function values(shape: readonly number[], seed: number, positive = false): Float32Array {
  let state = seed * 2654435761 + 1
  return Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    const u = (state >>> 8) / 2 ** 24
    return positive ? 0.5 + u : 2 * u - 1
  })
}

for (const [name, { shapes, build, positive }] of Object.entries(cases)) {
  test(`the gradient of ${name} agrees with central differences`, async () => {
    const inputs = shapes.map((shape, i) => input(`x${i}`, shape))
    const y = build(...inputs)
    // A random direction makes the loss scalar; its sum is taken here in float64.
    const direction = values(y.shape as number[], 99)
    const loss = sum(mul(y, constant(direction, y.shape)))
    const grads = backward(reshape(loss, []), inputs)
    await using session = await Session.open({ y, ...Object.fromEntries(grads.map((g, i) => [`g${i}`, g])) })
    const feeds: Record<string, Value> = Object.fromEntries(
      shapes.map((shape, i) => [`x${i}`, { data: values(shape, i + 1, positive), shape }]),
    )
    const lossAt = async () => {
      const { data } = (await session.run(feeds)).y!
      return direction.reduce((total, d, i) => total + d * Number(data[i]), 0)
    }
    const exact = await session.run(feeds)
    for (const [i] of shapes.entries()) {
      const x = feeds[`x${i}`]!.data as Float32Array
      const got = exact[`g${i}` as 'y']!.data
      for (let j = 0; j < x.length; j++) {
        const [before, h] = [x[j]!, 1 / 64] // a power of two: x ± h is exact
        const sample = async (by: number) => {
          x[j] = before + by
          const loss = await lossAt()
          x[j] = before
          return loss
        }
        // Fourth order, so that the truncation error is far below float32's: (8(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h
        const near = (await sample(h)) - (await sample(-h))
        const far = (await sample(2 * h)) - (await sample(-2 * h))
        const difference = (8 * near - far) / (12 * h)
        expect(Math.abs(Number(got[j]) - difference)).toBeLessThanOrEqual(
          1e-3 * Math.max(0.1, Math.abs(difference)),
        )
      }
    }
  })
}

test('every op with a gradient has a case', () => {
  const tested = new Set(Object.keys(cases).map((name) => name.split(',')[0]))
  const without: OpName[] = [
    'input',
    'weight',
    'constant',
    'cast',
    'crossEntropyGrad',
    'argMax',
    'late',
    'max',
    'largest',
  ]
  without.push('dequantize', 'quantizedMatmul') // of stored weights: weights/quantized/base.test.ts
  expect(Object.keys(gradRules).filter((op) => !tested.has(op) && !without.includes(op as OpName))).toEqual(
    [],
  )
})

test('a cast stops the gradient, and a derivative of a derivative is refused by name', () => {
  const x = input('x', [2, 2])
  expect(() => backward(sum(cast(cast(x, 'float16'), 'float32')), [x])).toThrow('no path from the loss to x')
  const first = backward(reshape(sum(crossEntropy(x, index(0, 1))), []), [x])[0]!
  expect(() => backward(sum(first), [x])).toThrow('crossEntropyGrad is itself part of a derivative')
})

test('gradients of the slices that a value is cut into are joined', () => {
  const x = input('x', [2, 6])
  const parts = [0, 2, 4].map((start) => tanh(slice(x, 1, start, 2)))
  const [first] = backward(reshape(sum(concat(parts, 1)), []), [x])
  expect(first!.op).toBe('concat')
  expect(first!.inputs.map(({ shape }) => shape)).toEqual([
    [2, 2],
    [2, 2],
    [2, 2],
  ])
})
