import { type Bindable, bare } from '../adapters/adapter.ts'
import type { Model } from '../models/model.ts'
import { expansionIsCheap, openCheckpoint } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import { Decoder } from './decoder.ts'

/**
 * A decoder over the weights of a Hugging Face directory. Those that memory would not hold as float32 stay mapped
 * files, in their own precision, and are widened one after the other as they are used.
 */
export async function openDecoder(
  model: Model,
  directory: string,
  adapter: Bindable = bare,
): Promise<Decoder> {
  const checkpoint = openCheckpoint(directory)
  const cheap = expansionIsCheap(checkpoint)
  return Decoder.open(model, adapter.bind({ weight: frozen(checkpoint, cheap) }), cheap)
}
