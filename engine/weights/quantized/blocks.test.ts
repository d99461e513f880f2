import { expect, test } from 'vitest'
import { Random } from '../../random.ts'
import { dequantizeBlocks, quantizeBlocks, quantizeColumns } from './blocks.ts'

for (const bits of [4, 8] as const) {
  const zero = 2 ** (bits - 1)

  test(`${bits} bits: every number is off by half a step at most, and by one where no code is left`, () => {
    const values = new Random(3).normal(64 * 32, 1)
    const { q, scales } = quantizeBlocks(values, bits)
    for (const [i, kept] of dequantizeBlocks(q, scales, bits).entries()) {
      const step = scales[i >> 5]!
      const last = Math.abs(kept - (zero - 1) * step) < 1e-6
      expect(Math.abs((kept - values[i]!) / step)).toBeLessThanOrEqual(last ? 1 : 0.5001)
    }
  })

  test(`${bits} bits: the number farthest from zero is kept as it is`, () => {
    for (const farthest of [3.25, -3.25]) {
      const values = new Random(4).normal(32, 1).map((x) => x / 10)
      values[7] = farthest
      const { q, scales } = quantizeBlocks(values, bits)
      expect(dequantizeBlocks(q, scales, bits)[7]).toBe(farthest)
    }
  })

  test(`${bits} bits: a block of zeros stays one`, () => {
    const { q, scales } = quantizeBlocks(new Float32Array(32), bits)
    expect(dequantizeBlocks(q, scales, bits).map(Math.abs)).toEqual(new Float32Array(32))
  })
}

test('columns are quantised as the rows of the transpose', () => {
  const [rows, columns] = [64, 48]
  const values = new Random(5).normal(rows * columns, 1)
  const transposed = Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
  const q = new Uint8Array(rows * columns)
  const scales = new Float32Array((rows * columns) / 32)
  for (let row = 0; row < rows; row += 32)
    quantizeColumns(values.subarray(row * columns, (row + 32) * columns), columns, {
      ...{ q, scales, first: row / 32, stride: rows / 32 },
    })
  expect({ q, scales }).toEqual(quantizeBlocks(transposed, 8))
})
