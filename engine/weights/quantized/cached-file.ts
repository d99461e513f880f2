/** Quantised weights of a checkpoint as a safetensors file, made once and kept. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Checkpoint, tensorOf } from '../checkpoint.ts'
import { byteLength, isFloatDtype, toFloat32 } from '../dtype.ts'
import { withFile } from '../read-file.ts'
import { encodeHeader, readHeader, type TensorEntry } from '../safetensors.ts'
import {
  type Bits,
  blockSize,
  dequantizeBlocks,
  packedBytes,
  quantizeBlocks,
  quantizeColumns,
} from './blocks.ts'
import { sourceHash } from './source-hash.ts'

/** Blocks along the rows in 4 or 8 bits, for x·Wᵀ; or the columns of what these stand for in 8 bits, for g·W. */
export type Form = `int${Bits}` | `int${Bits}-columns`

/** Weights that are quantised already, of all. */
export type Progress = { done: number; total: number }

/** Where the two tensors of a quantised weight lie. */
export type Quantized = { q: TensorEntry; scales: TensorEntry }

/** A product of whole blocks in both directions. */
export const canQuantize = (shape: readonly number[]): boolean =>
  shape.length === 2 && shape.every((n) => n % blockSize === 0)

/**
 * The quantised form of some weights of a checkpoint, [out, in] each. What `cache` does not have is made, which takes
 * some seconds for each thousand million weights, and appears there whole or not at all.
 * While they are made, it tells how many are done.
 */
export function* quantizedWeights(
  checkpoint: Checkpoint,
  weights: ReadonlyMap<string, readonly number[]>,
  form: Form,
  cache: string,
): Generator<Progress, Map<string, Quantized>, void> {
  mkdirSync(cache, { recursive: true })
  const file = join(cache, `${sourceHash(checkpoint, cache)}.${form}.safetensors`)
  if (!existsSync(file)) yield* write(checkpoint, weights, form, file)
  const tensors = readHeader(file)
  return new Map(
    [...weights.keys()].map((name) => {
      const [q, scales] = tensorNames(name, form).map((tensor) => tensors.get(tensor))
      if (!q || !scales) throw new Error(`${file} lacks ${name}: delete it, and it is made anew`)
      return [name, { q, scales }]
    }),
  )
}

/** What `quantizedWeights` gives, before any of it is there. */
export function sketches(
  weights: ReadonlyMap<string, readonly number[]>,
  form: Form,
): Map<string, Quantized> {
  return new Map(
    [...weights].map(([name, shape]) => {
      const [q, scales] = describe(name, shape, form).map(([tensor, { dtype, shape }]) => ({
        ...{ name: tensor, file: '', dtype, shape, offset: 0, length: 0 },
      }))
      return [name, { q: q!, scales: scales! }]
    }),
  )
}

/**
 * All codes in the order of their weights, and then all scales: those of matrices that meet the same activations lie one
 * behind the other, and can be taken for one.
 */
function inFile(weights: ReadonlyMap<string, readonly number[]>, form: Form) {
  const each = [...weights].map(([name, shape]) => describe(name, shape, form))
  return [...each.map(([codes]) => codes), ...each.map(([, scales]) => scales)]
}

const codeBytes = (weights: ReadonlyMap<string, readonly number[]>, form: Form): number =>
  inFile(weights, form).reduce(
    (sum, [, { dtype, shape }]) => sum + (dtype === 'U8' ? shape[0]! * shape[1]! : 0),
    0,
  )

/** The two tensors of a weight [out, in]: their names, types and shapes. */
function describe(name: string, [out, width]: readonly number[], form: Form) {
  const columns = form.endsWith('columns')
  const [rows, along] = columns ? [width!, out!] : [out!, width!]
  const [q, scales] = tensorNames(name, form)
  return [
    [q, { dtype: 'U8', shape: [rows, packedBytes(columns ? 8 : bitsOf(form), along)] }],
    [scales, { dtype: 'F32', shape: [rows, along / blockSize] }],
  ] as const
}

const bitsOf = (form: Form): Bits => (form.startsWith('int4') ? 4 : 8)

/** What the codes and the scales of a weight are called. */
const tensorNames = (weight: string, form: Form): [string, string] => [
  `${weight}.${form}`,
  `${weight}.${form}.scales`,
]

function* write(
  checkpoint: Checkpoint,
  weights: ReadonlyMap<string, readonly number[]>,
  form: Form,
  file: string,
): Generator<Progress, void, void> {
  const header = encodeHeader(inFile(weights, form))
  const unfinished = `${file}.${process.pid}.unfinished`
  const fd = openSync(unfinished, 'w')
  try {
    writeAll(fd, header, 0)
    let [at, scalesAt] = [header.length, header.length + codeBytes(weights, form)]
    let done = 0
    for (const [name, shape] of weights) {
      const entry = tensorOf(checkpoint, name, shape)
      const { q, scales } = form.endsWith('columns')
        ? byColumns(entry, bitsOf(form))
        : byRows(entry, bitsOf(form))
      at = writeAll(fd, q, at)
      scalesAt = writeAll(fd, new Uint8Array(scales.buffer), scalesAt)
      yield { done: ++done, total: weights.size }
    }
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  renameSync(unfinished, file)
}

function byRows(entry: TensorEntry, bits: Bits) {
  const [out, width] = entry.shape as [number, number]
  const q = new Uint8Array(packedBytes(bits, out * width))
  const scales = new Float32Array((out * width) / blockSize)
  forRows(entry, (values, row) => {
    const part = quantizeBlocks(values, bits)
    q.set(part.q, packedBytes(bits, row * width))
    scales.set(part.scales, (row * width) / blockSize)
  })
  return { q, scales }
}

function byColumns(entry: TensorEntry, bits: Bits) {
  const [out, width] = entry.shape as [number, number]
  const q = new Uint8Array(out * width)
  const scales = new Float32Array((out * width) / blockSize)
  forRows(entry, (values, row) => {
    const rows = quantizeBlocks(values, bits)
    const standFor = dequantizeBlocks(rows.q, rows.scales, bits)
    quantizeColumns(standFor, width, { q, scales, first: row / blockSize, stride: out / blockSize })
  })
  return { q, scales }
}

/** Gives a matrix in pieces of 32 rows, as float32: nothing as large as the whole is widened. */
function forRows(
  { file, name, dtype, shape, offset }: TensorEntry,
  use: (values: Float32Array, row: number) => void,
): void {
  if (!isFloatDtype(dtype)) throw new Error(`${file}: ${name} is stored as ${dtype}, not as numbers`)
  const [out, width] = shape as [number, number]
  const bytes = byteLength(dtype, blockSize * width)
  withFile(file, (read) => {
    for (let row = 0; row < out; row += blockSize)
      use(toFloat32(dtype, read(offset + (row / blockSize) * bytes, bytes)), row)
  })
}

/** Writes bytes at a position of a file; answers where they end. */
function writeAll(fd: number, bytes: Uint8Array, position: number): number {
  // One call writes less than 2 GiB.
  for (let at = 0; at < bytes.length; )
    at += writeSync(fd, bytes, at, Math.min(bytes.length - at, 2 ** 30), position + at)
  return position + bytes.length
}
