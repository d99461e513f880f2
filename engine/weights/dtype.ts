/// <reference lib="esnext.float16" />

/** Bits of one element, by the names safetensors gives its types. */
const bits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
  C64: 64,
}

export type Dtype = keyof typeof bits

export const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && Object.hasOwn(bits, name)

/** Bytes that `count` elements take. */
export const byteLength = (dtype: Dtype, count: number): number => Math.ceil((bits[dtype] * count) / 8)

/** The types whose values float32 arithmetic can start from. */
export type FloatDtype = 'F32' | 'F16' | 'BF16'

export const isFloatDtype = (dtype: Dtype): dtype is FloatDtype =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'

/** Little-endian `bytes` as float32; exact, since float32 holds every float16 and bfloat16 value. */
export function toFloat32(dtype: FloatDtype, bytes: Uint8Array<ArrayBuffer>): Float32Array {
  // A typed array wants its element's alignment; a tensor in a file may start at any byte.
  const buffer = bytes.byteOffset % 4 === 0 ? bytes.buffer : bytes.slice().buffer
  const start = buffer === bytes.buffer ? bytes.byteOffset : 0
  if (dtype === 'F32') return new Float32Array(buffer, start, bytes.length / 4)
  if (dtype === 'F16') return Float32Array.from(new Float16Array(buffer, start, bytes.length / 2))
  // bfloat16 is the upper half of a float32.
  const words = new Uint32Array(bytes.length / 2)
  new Uint16Array(buffer, start, words.length).forEach((half, i) => {
    words[i] = half << 16
  })
  return new Float32Array(words.buffer)
}

/** `values` as little-endian bytes of `dtype`, rounded to nearest even. */
export function fromFloat32(dtype: FloatDtype, values: Float32Array): Uint8Array {
  const stored =
    dtype === 'F32'
      ? values
      : dtype === 'F16'
        ? Float16Array.from(values)
        : bfloat16(new Float32Array(values))
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)
}

function bfloat16(values: Float32Array<ArrayBuffer>): Uint16Array {
  const words = new Uint32Array(values.buffer)
  // Adding 0x7fff, and 1 more where the kept part is odd, carries into the upper half exactly when the
  // dropped half rounds up. NaN would carry into infinity, so it keeps a quiet bit instead.
  return Uint16Array.from(words, (word, i) =>
    Number.isNaN(values[i]) ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16,
  )
}
