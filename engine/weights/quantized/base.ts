import { resolve } from 'node:path'
import { dequantize, quantizedMatmul, weight } from '../../graph/build.ts'
import type { Node } from '../../graph/node.ts'
import type { DType } from '../../graph/op.ts'
import type { Binding, Model } from '../../models/model.ts'
import { productWeights } from '../../models/weight-shapes.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { frozen } from '../frozen.ts'
import type { TensorEntry } from '../safetensors.ts'
import { type Bits, blockSize, packedBytes } from './blocks.ts'
import {
  canQuantize,
  type Form,
  type Progress,
  type Quantized,
  quantizedWeights,
  sketches,
} from './cached-file.ts'

/** How the products with a quantised base are computed. */
export type Products =
  /**
   * Weights are widened to float32, one after the other, at each use: exact for the weights as they are stored, and
   * nothing else is kept of them. 0.625 bytes a weight with 4 bits, 1.125 with 8.
   */
  | 'float'
  /**
   * In integers, with activations rounded to 8 bits, and 8-bit columns for the way back: faster, 1.125 bytes a weight
   * more, and gradients that differ by some 1% (cosine 0.9999).
   */
  | 'integer'
  /** The same where nothing goes back: for serving. */
  | 'forward'

export type Quantization = { bits: Bits; products: Products }

/**
 * The weights of a model with all large products in 4 or 8 bits; embeddings, norms and biases as the checkpoint has them.
 * @param cache the directory that keeps quantised weights; tells how they are made while it lacks them
 */
export function* quantizedBase(
  model: Model,
  checkpoint: Checkpoint,
  quantization: Quantization,
  cache: string,
): Generator<Progress, Binding, void> {
  const weights = quantizable(model)
  const found = new Map<Form, ReadonlyMap<string, Quantized>>()
  for (const form of formsOf(quantization))
    found.set(form, yield* quantizedWeights(checkpoint, weights, form, cache))
  return binding(checkpoint, quantization, (form) => found.get(form)!)
}

/** The same without any bytes: for graphs that are looked at and never run. */
export const quantizedSketch = (model: Model, checkpoint: Checkpoint, quantization: Quantization): Binding =>
  binding(checkpoint, quantization, (form) => sketches(quantizable(model), form))

const quantizable = (model: Model) =>
  new Map([...productWeights(model)].filter(([, shape]) => canQuantize(shape)))

const formsOf = ({ bits, products }: Quantization): Form[] =>
  products === 'integer' ? [`int${bits}`, `int${bits}-columns`] : [`int${bits}`]

function binding(
  checkpoint: Checkpoint,
  quantization: Quantization,
  inForm: (form: Form) => ReadonlyMap<string, Quantized>,
): Binding {
  const { bits, products } = quantization
  const [rows, columns] = formsOf(quantization).map(inForm) as [
    ReadonlyMap<string, Quantized>,
    ReadonlyMap<string, Quantized>?,
  ]
  const stored = frozen(checkpoint)
  const made = new Map<string, Node>()
  const widened = (name: string, shape: readonly number[]): Node => {
    const known = made.get(name)
    if (known) return known
    const { q, scales } = rows.get(name)!
    const codes = leaf(q, bits === 4 ? 'uint4' : 'uint8', shape)
    const node = dequantize(codes, leaf(scales, 'float32', scales.shape), bits)
    made.set(name, node)
    return node
  }
  return {
    weight: (name, shape) => (rows.has(name) ? widened(name, shape) : stored(name, shape)),
    table: stored,
    product(x, name) {
      if (products === 'float' || !rows.has(name)) return undefined
      return quantizedMatmul(x, blocks(rows.get(name)!, bits), columns && blocks(columns.get(name)!, 8))
    },
    joint(x, names) {
      const each = names.map((name) => rows.get(name))
      const one =
        products === 'forward' && each.every((part) => part !== undefined) ? joined(each) : undefined
      return one && quantizedMatmul(x, blocks(one, bits))
    },
  }
}

/** Matrices that lie one behind the other in their file, codes and scales, as one of all their rows. */
function joined(parts: readonly Quantized[]): Quantized | undefined {
  const join = (entries: readonly TensorEntry[]): TensorEntry | undefined => {
    const [first, ...rest] = entries as [TensorEntry, ...TensorEntry[]]
    let end = first.offset + first.length
    for (const { file, offset, length } of rest) {
      if (file !== first.file || offset !== end) return undefined
      end += length
    }
    const rows = entries.reduce((sum, { shape }) => sum + shape[0]!, 0)
    const name = entries.map((entry) => entry.name).join(' ')
    return { ...first, name, shape: [rows, ...first.shape.slice(1)], length: end - first.offset }
  }
  const [q, scales] = [join(parts.map((part) => part.q)), join(parts.map((part) => part.scales))]
  return q && scales && { q, scales }
}

/** A weight as MatMulNBits takes it: [rows, blocks, bytes]. */
function blocks({ q, scales }: Quantized, bits: Bits) {
  const codes = leaf(q, 'uint8', [...scales.shape, packedBytes(bits, blockSize)])
  return { codes, scales: leaf(scales, 'float32', scales.shape), bits }
}

const leaf = ({ name, file, offset, length }: TensorEntry, dtype: DType, shape: readonly number[]): Node =>
  weight(`${name} ${dtype}`, shape, dtype, { file: resolve(file), offset, length })
