import type { Binding, Model } from '../models/model.ts'
import { settings } from '../settings.ts'
import { type Checkpoint, expansionIsCheap, openCheckpoint } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import { quantizedBase } from '../weights/quantized/base.ts'
import { Decoder, type DecoderOptions } from './decoder.ts'

/**
 * How a base's weights are held for serving: as float32, packed for products of few rows; as their files have them, mapped
 * and widened at each use; in 8 or 4 bits, with products in integers.
 */
export type ServingForm = 'float32' | 'stored' | 'int8' | 'int4'

/** A decoder over the weights of a Hugging Face directory; those that memory would not hold as float32 stay as they are stored. */
export async function openDecoder(
  model: Model,
  directory: string,
  { form, ...options }: Pick<DecoderOptions, 'modules' | 'chunks'> & { form?: ServingForm } = {},
): Promise<Decoder> {
  const checkpoint = openCheckpoint(directory)
  const held = form ?? (expansionIsCheap(checkpoint) ? 'float32' : 'stored')
  const base = baseIn(held, model, checkpoint)
  return Decoder.open(model, base, { prepack: held !== 'stored', spin: true, ...options })
}

function baseIn(form: ServingForm, model: Model, checkpoint: Checkpoint): Binding {
  if (form === 'float32' || form === 'stored') return { weight: frozen(checkpoint, form === 'float32') }
  if (!settings.quantized) throw new Error('there is no directory that keeps quantised weights')
  const quantization = { bits: form === 'int4' ? 4 : 8, products: 'forward' } as const
  const making = quantizedBase(model, checkpoint, quantization, settings.quantized)
  for (;;) {
    const made = making.next()
    if (made.done) return made.value
  }
}
