import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { temporary } from '../tiny.case.ts'
import {
  decodeSafetensors,
  encodeSafetensors,
  encodeStored,
  readBytes,
  readHeader,
  readTensor,
  type Tensor,
} from './safetensors.ts'

const { root: directory, remove } = temporary()
afterAll(remove)
let files = 0

/** A file with these bytes. */
function file(bytes: Uint8Array): string {
  const path = join(directory, `${files++}.safetensors`)
  writeFileSync(path, bytes)
  return path
}

/** A file with this header, padded or not, and `data` zero bytes. */
function withHeader(header: unknown, data: number): string {
  const text = typeof header === 'string' ? header : JSON.stringify(header)
  const json = header instanceof Uint8Array ? header : new TextEncoder().encode(text)
  const bytes = new Uint8Array(8 + json.length + data)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return file(bytes)
}

const tensor = (shape: number[], ...data: number[]): Tensor => ({ shape, data: Float32Array.from(data) })

test('tensors come back as they were written', () => {
  const path = file(
    encodeSafetensors([
      ['b', tensor([2, 2], 1, -2, 0.1, 4)],
      ['a', tensor([], 7)],
      ['empty', tensor([0, 3])],
    ]),
  )
  const header = readHeader(path)
  expect([...header.keys()]).toEqual(['a', 'b', 'empty'])
  expect(header.get('b')).toMatchObject({ file: path, dtype: 'F32', shape: [2, 2], length: 16 })
  expect(readTensor(header.get('a')!)).toEqual(Float32Array.of(7))
  expect(readTensor(header.get('b')!)).toEqual(Float32Array.of(1, -2, 0.1, 4))
  expect(readTensor(header.get('empty')!)).toEqual(new Float32Array(0))
})

test('the same tensors give the same bytes in any order', () => {
  const a = ['a', tensor([1], 1)] as const
  const b = ['b', tensor([1], 2)] as const
  expect(encodeSafetensors([a, b])).toEqual(encodeSafetensors([b, a]))
})

test('tensors of any type are copied byte by byte', () => {
  const ids = Uint8Array.from({ length: 16 }, (_, i) => 255 - i)
  const path = file(
    encodeStored([
      ['ids', { dtype: 'I64', shape: [2], bytes: ids }],
      ['__proto__', { dtype: 'BF16', shape: [1], bytes: Uint8Array.of(1, 2) }],
    ]),
  )
  const header = readHeader(path)
  expect(readBytes(header.get('ids')!)).toEqual(ids)
  expect(header.get('__proto__')).toMatchObject({ dtype: 'BF16', shape: [1], length: 2 })
})

test('the data of a written file starts 8-byte aligned', () => {
  for (const name of ['x', 'xy', 'xyz', 'wxyz'])
    expect(readHeader(file(encodeSafetensors([[name, tensor([1], 1)]]))).get(name)!.offset % 8).toBe(0)
})

test('a file in memory reads as a file on disk does', () => {
  const bytes = encodeSafetensors([
    ['a', tensor([3], 1, 2, 3)],
    ['b', tensor([1], 4)],
  ])
  const shifted = new Uint8Array(bytes.length + 1) // its tensors are misaligned in the underlying buffer
  shifted.set(bytes, 1)
  const tensors = decodeSafetensors(shifted.subarray(1), 'adapter_model.safetensors')
  expect([...tensors]).toEqual([
    ['a', tensor([3], 1, 2, 3)],
    ['b', tensor([1], 4)],
  ])
})

// By hand from the bit patterns: 1 + 2⁻⁸ lies halfway and goes to the even 1, 1 + 3·2⁻⁸ to the even 1 + 2⁻⁶.
test('bfloat16 rounds to nearest even and keeps infinities and NaN', () => {
  const data = [1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -0, 3.4e38, Infinity, NaN]
  const path = file(encodeSafetensors([['x', tensor([8], ...data)]], 'BF16'))
  const entry = readHeader(path).get('x')!
  expect(entry).toMatchObject({ dtype: 'BF16', length: 16 })
  const wanted = [1, 1, 1 + 2 ** -6, 1 + 2 ** -7, -0, Infinity, Infinity, NaN]
  expect(readTensor(entry)).toEqual(Float32Array.from(wanted))
})

test('float16 rounds to nearest even and keeps subnormals', () => {
  const data = [1, 1 + 2 ** -11, 2 ** -24, 65504, 1e6, -0.5]
  const entry = readHeader(file(encodeSafetensors([['x', tensor([6], ...data)]], 'F16'))).get('x')!
  expect(readTensor(entry)).toEqual(Float32Array.of(1, 1, 2 ** -24, 65504, Infinity, -0.5))
})

test('a tensor whose values do not fill its shape is not written', () => {
  expect(() => encodeSafetensors([['x', tensor([2, 2], 1, 2, 3)]])).toThrow(
    'tensor "x" of shape [2,2] has 3 values, not 4',
  )
})

test('integer tensors are listed but not read as numbers', () => {
  const entry = readHeader(withHeader({ ids: { dtype: 'I64', shape: [2], data_offsets: [0, 16] } }, 16)).get(
    'ids',
  )!
  expect(entry).toMatchObject({ dtype: 'I64', length: 16 })
  expect(() => readTensor(entry)).toThrow(/"ids" is I64/)
})

test('a tensor cut off after its header was read says so', () => {
  const path = file(encodeSafetensors([['x', tensor([4], 1, 2, 3, 4)]]))
  const entry = readHeader(path).get('x')!
  writeFileSync(path, encodeSafetensors([['x', tensor([1], 1)]]))
  expect(() => readTensor(entry)).toThrow(/tensor "x" ends at byte \d+, the file at \d+/)
})

const float = (begin: number, end: number) => ({
  dtype: 'F32',
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
})

test.each<[problem: string, path: string, message: RegExp]>([
  ['an empty file', file(new Uint8Array(0)), /it has 0 bytes/],
  [
    'a giant header',
    file(new Uint8Array(8).fill(0x7f)),
    /claims \d+ bytes, more than the limit of 100000000/,
  ],
  [
    'a cut header',
    file(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d)),
    /header should end at byte \d+, the file ends at \d+/,
  ],
  ['a broken header', withHeader('{"x": ', 0), /header is not JSON/],
  ['a header that is a list', withHeader('[]', 0), /header is not a JSON object/],
  [
    'a truncated file',
    withHeader({ x: float(0, 8) }, 5),
    /"x" ends at byte (\d+), the file at \d+: it is truncated/,
  ],
  ['trailing bytes', withHeader({ x: float(0, 8) }, 9), /"x" ends at byte \d+, but the file goes on to \d+/],
  [
    'an overlap',
    withHeader({ x: float(0, 8), y: float(4, 8) }, 8),
    /"y" starts at byte \d+, but tensor "x" ends at/,
  ],
  ['a hole', withHeader({ x: float(4, 8) }, 8), /"x" starts at byte \d+, but the header ends at/],
  [
    'backward offsets',
    withHeader({ x: { ...float(0, 4), data_offsets: [4, 0] } }, 4),
    /"x" has the offsets \[4,0\]/,
  ],
  [
    'a wrong size',
    withHeader({ x: { ...float(0, 8), shape: [3] } }, 8),
    /F32 \[3\] takes 12 bytes, .* span 8/,
  ],
  ['a negative size', withHeader({ x: { ...float(0, 4), shape: [-1] } }, 4), /"x" has the shape \[-1\]/],
  [
    'an unknown dtype',
    withHeader({ x: { ...float(0, 4), dtype: 'Q4' } }, 4),
    /"x" has the unknown dtype "Q4"/,
  ],
  ['a fractional size', withHeader({ x: { ...float(0, 4), shape: [0.5] } }, 4), /"x" has the shape \[0.5\]/],
  [
    'a size that is no number',
    withHeader({ x: { ...float(0, 4), shape: ['1'] } }, 4),
    /has the shape \["1"\]/,
  ],
  [
    'a size beyond what can be counted',
    withHeader('{"x": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}', 4),
    /"x" has the shape \[null\]/,
  ],
  [
    'sizes whose product overflows to the size of the data',
    withHeader({ x: { ...float(0, 0), shape: [2 ** 32, 2 ** 32] } }, 0),
    /takes \d+ bytes, its offsets span 0/,
  ],
  [
    'sizes whose product is no number',
    withHeader({ x: { ...float(0, 0), shape: [...Array(20).fill(2 ** 53 - 1), 0] } }, 0),
    /takes NaN bytes/,
  ],
  ['NaN', withHeader('{"x": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 4]}}', 4), /is not JSON/],
  ['offsets beyond the file', withHeader({ x: float(0, 2 ** 40) }, 8), /ends at byte \d+, the file at \d+/],
  ['one offset', withHeader({ x: { ...float(0, 4), data_offsets: [0] } }, 4), /"x" has the offsets \[0\]/],
  ['a text that is not UTF-8', withHeader(Uint8Array.of(0x7b, 0x22, 0xff, 0x22), 0), /header is not UTF-8/],
  ['a byte-order mark', withHeader('\ufeff{}', 0), /header is not JSON/],
  [
    'a tensor that is there twice',
    withHeader('{"x": {"dtype": "I8", "shape": [], "data_offsets": [0, 1]}, "\\u0078": 1}', 1),
    /header has "x" twice in one object/,
  ],
  [
    'a tensor of two types',
    withHeader('{"x": {"dtype": "I8", "dtype": "U8", "shape": [], "data_offsets": [0, 1]}}', 1),
    /header has "dtype" twice in one object/,
  ],
  [
    'a deep header',
    withHeader(`{"x": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 0),
    /its header is nested deeper than 3 levels/,
  ],
  ['an entry that is no object', withHeader({ x: 1 }, 0), /"x" has the unknown dtype undefined/],
])('%s is refused by name', (_, path, message) => {
  expect(() => readHeader(path)).toThrow(path)
  expect(() => readHeader(path)).toThrow(message)
})
