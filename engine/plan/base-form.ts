/** In which form the frozen base of a run is held. */
import type { Binding, Model } from '../models/model.ts'
import { productWeights } from '../models/weight-shapes.ts'
import { type Checkpoint, copiesAreCheap, tensorOf } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import { type Quantization, quantizedBase, quantizedSketch } from '../weights/quantized/base.ts'
import { packedBytes } from '../weights/quantized/blocks.ts'
import { canQuantize, type Progress } from '../weights/quantized/cached-file.ts'

/**
 * As float32, packed for each direction (two copies); as float32; as the checkpoint stores it, widened at each use; in 8 or
 * 4 bits, with products in integers or in float32. Each is slower than the one before it in its kind, and smaller.
 */
export const baseForms = [
  ...(['packed', 'float32', 'stored'] as const),
  ...(['int8-integer', 'int8', 'int4-integer', 'int4'] as const),
]
export type BaseForm = (typeof baseForms)[number]

/** What its quantisation is, if it has one. */
export function quantizationOf(form: BaseForm): Quantization | undefined {
  if (!form.startsWith('int')) return undefined
  return { bits: form.startsWith('int4') ? 4 : 8, products: form.endsWith('integer') ? 'integer' : 'float' }
}

export const inIntegers = (form: BaseForm): boolean => form.endsWith('integer')

/** Whether the session that trains packs weights ahead: two float32 copies, or what products in integers need. */
export const prepacks = (form: BaseForm): boolean => form === 'packed' || inIntegers(form)

/** Whether a form differs from the others for this checkpoint, and is of use. */
export function suits(form: BaseForm, checkpoint: Checkpoint): boolean {
  if (form === 'packed') return copiesAreCheap(checkpoint)
  if (form === 'stored') return [...checkpoint.tensors.values()].some(({ dtype }) => dtype !== 'F32')
  return true
}

/**
 * The base in a form; while it has to be quantised for it, this tells how that goes.
 * @param cache the directory that keeps quantised weights
 */
export function* openBase(
  model: Model,
  checkpoint: Checkpoint,
  form: BaseForm,
  cache: string | undefined,
): Generator<Progress, Binding, void> {
  const quantization = quantizationOf(form)
  if (!quantization) return { weight: frozen(checkpoint, form !== 'stored') }
  if (cache === undefined) throw new Error('there is no directory that keeps quantised weights')
  return yield* quantizedBase(model, checkpoint, quantization, cache)
}

/** The same for a graph that is looked at and never run. */
export function sketchBase(model: Model, checkpoint: Checkpoint, form: BaseForm): Binding {
  const quantization = quantizationOf(form)
  if (!quantization) return { weight: frozen(checkpoint, form !== 'stored') }
  return quantizedSketch(model, checkpoint, quantization)
}

/** Bytes that the weights of all products take in this form, as far as they are frozen. */
export function baseBytes(
  model: Model,
  checkpoint: Checkpoint,
  form: BaseForm,
  isFrozen: (name: string) => boolean,
): number {
  const quantization = quantizationOf(form)
  let bytes = 0
  for (const [name, shape] of productWeights(model)) {
    if (!isFrozen(name)) continue
    const count = shape.reduce((product, n) => product * n, 1)
    if (quantization && canQuantize(shape)) bytes += quantizedBytes(quantization, count)
    else if (form === 'packed') bytes += 8 * count
    else bytes += form === 'stored' ? tensorOf(checkpoint, name, shape).length : 4 * count
  }
  return bytes
}

function quantizedBytes({ bits, products }: Quantization, count: number): number {
  const scales = count / 8 // 4 bytes for each 32
  const columns = products === 'integer' ? count + scales : 0
  return packedBytes(bits, count) + scales + columns
}

/** Bytes of the largest weight that a form widens at each use, as float32. */
export function widenedBytes(model: Model, form: BaseForm): number {
  if (form !== 'stored' && quantizationOf(form)?.products !== 'float') return 0
  return Math.max(...[...productWeights(model).values()].map((shape) => 4 * shape.reduce((n, d) => n * d, 1)))
}
