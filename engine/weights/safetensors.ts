import {
  byteLength,
  type Dtype,
  type FloatDtype,
  fromFloat32,
  isDtype,
  isFloatDtype,
  toFloat32,
} from './dtype.ts'
import { duplicateKey, isDeeper } from './json-scan.ts'
import { type Read, withFile } from './read-file.ts'

/**
 * The safetensors format: 8 bytes with the header's length (u64, little-endian), a JSON header
 * `{name: {dtype, shape, data_offsets: [begin, end]}}`, then the data that the offsets count from.
 * Source: the format's own description, https://github.com/huggingface/safetensors#format.
 */

/** Where a tensor's bytes lie; nothing of them is read. */
export type TensorEntry = {
  name: string
  file: string
  dtype: Dtype
  shape: readonly number[]
  /** Bytes from the start of the file. */
  offset: number
  /** Bytes. */
  length: number
}

/** A tensor to write, or one read from memory: row-major values and their shape. */
export type Tensor = { shape: readonly number[]; data: Float32Array }

// The reference reader's own limit: longer headers are taken for damage or attack.
const maxHeader = 100_000_000 // bytes
const maxDepth = 3 // the table, a tensor, its shape

/** The tensors of a safetensors file by name. Throws an Error that names the file when it is damaged. */
export function readHeader(file: string): Map<string, TensorEntry> {
  return withFile(file, (read, size) => parse(file, size, read))
}

/** One tensor's values as float32 (from float32, float16 or bfloat16). */
export function readTensor(entry: TensorEntry): Float32Array {
  return toFloat32(floatDtype(entry), readBytes(entry))
}

/** One tensor as it is stored. */
export function readBytes({ file, name, offset, length }: TensorEntry): Uint8Array<ArrayBuffer> {
  return withFile(file, (read, size) => {
    if (offset + length > size)
      throw new Error(`${file}: tensor "${name}" ends at byte ${offset + length}, the file at ${size}`)
    return read(offset, length)
  })
}

/** All tensors of a safetensors file held in memory, as float32; `file` names it in errors. */
export function decodeSafetensors(bytes: Uint8Array, file: string): Map<string, Tensor> {
  const read = (offset: number, length: number) => new Uint8Array(bytes.subarray(offset, offset + length))
  const entries = parse(file, bytes.length, read)
  return new Map(
    [...entries].map(([name, entry]) => [
      name,
      { shape: entry.shape, data: toFloat32(floatDtype(entry), read(entry.offset, entry.length)) },
    ]),
  )
}

/** A tensor to write as it is: little-endian values of `dtype`. */
export type StoredTensor = { dtype: Dtype; shape: readonly number[]; bytes: Uint8Array }

/**
 * A safetensors file with these tensors, all stored as `dtype`. The same tensors give the same bytes,
 * in whatever order they come. Throws when a tensor's values and shape disagree.
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  dtype: FloatDtype = 'F32',
): Uint8Array<ArrayBuffer> {
  const stored = Array.from(tensors, ([name, { shape, data }]) => {
    if (elements(shape) !== data.length)
      throw new Error(
        `tensor "${name}" of shape [${shape}] has ${data.length} values, not ${elements(shape)}`,
      )
    return [name, { dtype, shape, bytes: fromFloat32(dtype, data) }] as const
  })
  return encodeStored(stored)
}

/** `encodeSafetensors` for tensors of any types, byte by byte as they are. */
export function encodeStored(tensors: Iterable<readonly [string, StoredTensor]>): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))
  const parts = [encodeHeader(sorted), ...sorted.map(([, { bytes }]) => bytes)]
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

/** What stands before the data of a file that holds these tensors in this order. */
export function encodeHeader(
  tensors: readonly (readonly [string, Pick<StoredTensor, 'dtype' | 'shape'>])[],
): Uint8Array<ArrayBuffer> {
  let end = 0
  const entries = tensors.map(([name, { dtype, shape }]) => {
    const begin = end
    end += byteLength(dtype, elements(shape))
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const
  })
  // The metadata is what transformers insists on.
  const header = Object.fromEntries([['__metadata__', { format: 'pt' }], ...entries])
  const json = new TextEncoder().encode(JSON.stringify(header))
  const start = 8 + Math.ceil(json.length / 8) * 8 // the data starts 8-byte aligned, behind spaces
  const bytes = new Uint8Array(start).fill(0x20, 8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  bytes.set(json, 8)
  return bytes
}

function parse(file: string, size: number, read: Read): Map<string, TensorEntry> {
  const fail = (problem: string): never => {
    throw new Error(`${file} is not a readable safetensors file: ${problem}`)
  }
  if (size < 8) fail(`it has ${size} bytes, the header's length alone takes 8`)
  const length = Number(new DataView(read(0, 8).buffer).getBigUint64(0, true))
  if (length > maxHeader) fail(`its header claims ${length} bytes, more than the limit of ${maxHeader}`)
  if (8 + length > size) fail(`its header should end at byte ${8 + length}, the file ends at ${size}`)

  const header = parseJson(decodeUtf8(read(8, length), fail), fail)
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(file, name, value, 8 + length, fail))
    .sort((a, b) => a.offset - b.offset || a.length - b.length)

  // The format knows no holes and no overlaps: each tensor starts where the one before it ends.
  let end = 8 + length
  let before = 'the header'
  for (const entry of entries) {
    if (entry.offset !== end)
      fail(`tensor "${entry.name}" starts at byte ${entry.offset}, but ${before} ends at ${end}`)
    end += entry.length
    before = `tensor "${entry.name}"`
  }
  if (end > size) fail(`${before} ends at byte ${end}, the file at ${size}: it is truncated`)
  if (end < size) fail(`${before} ends at byte ${end}, but the file goes on to ${size}`)
  return new Map(entries.map((entry) => [entry.name, entry]))
}

function decodeUtf8(bytes: Uint8Array, fail: (problem: string) => never): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return fail('its header is not UTF-8')
  }
}

function parseJson(text: string, fail: (problem: string) => never): Record<string, unknown> {
  if (isDeeper(text, maxDepth)) fail(`its header is nested deeper than ${maxDepth} levels`)
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (error) {
    fail(`its header is not JSON (${(error as Error).message})`)
  }
  if (!isRecord(header)) return fail('its header is not a JSON object')
  const duplicate = duplicateKey(text)
  if (duplicate !== undefined) fail(`its header has "${duplicate}" twice in one object`)
  return header
}

function parseEntry(
  file: string,
  name: string,
  value: unknown,
  start: number,
  fail: (problem: string) => never,
): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {}
  if (!isDtype(dtype)) return fail(`tensor "${name}" has the unknown dtype ${JSON.stringify(dtype)}`)
  if (!isSizes(shape)) return fail(`tensor "${name}" has the shape ${JSON.stringify(shape)}`)
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!)
    return fail(`tensor "${name}" has the offsets ${JSON.stringify(offsets)}`)
  const length = offsets[1]! - offsets[0]!
  const wanted = byteLength(dtype, elements(shape))
  if (length !== wanted)
    fail(`tensor "${name}" of ${dtype} [${shape}] takes ${wanted} bytes, its offsets span ${length}`)
  return { name, file, dtype, shape, offset: start + offsets[0]!, length }
}

function floatDtype({ file, name, dtype }: TensorEntry): FloatDtype {
  if (!isFloatDtype(dtype))
    throw new Error(
      `${file}: tensor "${name}" is ${dtype}; only F32, F16 and BF16 can be read as numbers here`,
    )
  return dtype
}

const elements = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
