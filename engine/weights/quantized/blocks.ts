/**
 * Weights in blocks of 32 numbers that share a scale: q of `bits` bits stands for (q − 2^(bits−1)) · scale. The bytes are
 * those of ONNX Runtime's MatMulNBits, and of DequantizeLinear: two 4-bit numbers to a byte, the first one low.
 */

export type Bits = 4 | 8

/** Numbers in a block. */
export const blockSize = 32

/** Bytes that `count` numbers take, their scales aside. */
export const packedBytes = (bits: Bits, count: number): number => (count * bits) / 8

/**
 * Quantises rows of blocks. The number farthest from zero gets the code that has no opposite, so that all codes are used.
 * @param values a whole number of blocks
 */
export function quantizeBlocks(
  values: Float32Array,
  bits: Bits,
): { q: Uint8Array<ArrayBuffer>; scales: Float32Array<ArrayBuffer> } {
  const q = new Uint8Array(packedBytes(bits, values.length))
  const scales = new Float32Array(values.length / blockSize)
  const codes = new Uint8Array(blockSize)
  for (let block = 0; block < scales.length; block++) {
    scales[block] = quantize(values, block * blockSize, 1, bits, codes)
    pack(codes, bits, q, packedBytes(bits, block * blockSize))
  }
  return { q, scales }
}

/** The numbers that codes stand for. */
export function dequantizeBlocks(q: Uint8Array, scales: Float32Array, bits: Bits): Float32Array<ArrayBuffer> {
  const values = new Float32Array(scales.length * blockSize)
  const zero = 2 ** (bits - 1)
  for (let i = 0; i < values.length; i++) {
    const code = bits === 8 ? q[i]! : (q[i >> 1]! >> (4 * (i & 1))) & 15
    values[i] = (code - zero) * scales[i >> 5]!
  }
  return values
}

/**
 * Quantises the transpose of 32 rows [32, columns]: block j holds column j. Codes of 8 bits go to `q` and scales to
 * `scales`, those of column j at block `first + j · stride`.
 */
export function quantizeColumns(
  values: Float32Array,
  columns: number,
  into: { q: Uint8Array; scales: Float32Array; first: number; stride: number },
): void {
  const codes = new Uint8Array(blockSize)
  for (let j = 0; j < columns; j++) {
    const block = into.first + j * into.stride
    into.scales[block] = quantize(values, j, columns, 8, codes)
    into.q.set(codes, block * blockSize)
  }
}

/** The codes of one block, whose numbers lie `step` apart; answers its scale. */
function quantize(values: Float32Array, start: number, step: number, bits: Bits, codes: Uint8Array): number {
  const zero = 2 ** (bits - 1)
  let farthest = 0
  for (let i = 0, at = start; i < blockSize; i++, at += step) {
    const x = values[at]!
    if (Math.abs(x) > Math.abs(farthest)) farthest = x
  }
  const scale = Math.fround(farthest / -zero)
  const inverse = scale === 0 ? 0 : 1 / scale
  const most = 2 * zero - 1
  for (let i = 0, at = start; i < blockSize; i++, at += step) {
    const code = Math.floor(values[at]! * inverse + 0.5) + zero
    codes[i] = Math.max(0, Math.min(code, most))
  }
  return scale
}

function pack(codes: Uint8Array, bits: Bits, q: Uint8Array, at: number): void {
  if (bits === 8) q.set(codes, at)
  else for (let i = 0; i < blockSize; i += 2) q[at + i / 2] = codes[i]! | (codes[i + 1]! << 4)
}
