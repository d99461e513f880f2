/** From how a run is to be tuned to the adapter that is trained. */
import { InputError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { weightShapes } from '../models/weight-shapes.ts'
import { loadTokenizer } from '../text/tokenizer.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import type { Adapter } from './adapter.ts'
import { type FullTuning, fullAdapter } from './full.ts'
import { type LoraTuning, loraAdapter } from './lora.ts'
import { type PrefixTuning, prefixAdapter } from './prefix.ts'
import { textRows } from './text-rows.ts'

export type Tuning = PrefixTuning | LoraTuning | FullTuning

/**
 * The adapter of a method on a base; for `init_weights: "text"` the base reads the text.
 * @param run `base` is its directory, `baseName` what it is called in the adapter's files
 * @throws InputError when the settings fit not one another, or not the base
 */
export async function openAdapter(
  run: { method: Tuning; base: string; baseName?: string },
  model: Model,
  checkpoint: Checkpoint,
): Promise<Adapter> {
  const { method, base } = run
  if (method.peft_type !== 'PREFIX_TUNING' || method.init_weights !== 'text')
    return sketchAdapter(run, model, checkpoint)
  const ids = loadTokenizer(base).encodeRaw(startingText(method))
  const start = await textRows(model, { weight: frozen(checkpoint) }, ids, method.num_virtual_tokens)
  return prefixAdapter(model, run.baseName ?? base, method, start)
}

/** The same where it does not matter with which values it starts. */
export function sketchAdapter(
  { method, base, baseName = base }: { method: Tuning; base: string; baseName?: string },
  model: Model,
  checkpoint: Checkpoint,
): Adapter {
  switch (method.peft_type) {
    case 'PREFIX_TUNING':
      return prefixAdapter(model, baseName, method)
    case 'LORA':
      return settled(() => loraAdapter(model, baseName, method))
    case 'FULL':
      return fullAdapter(checkpoint, weightShapes(model))
  }
}

function startingText({ init_text, prefix_projection }: PrefixTuning): string {
  if (prefix_projection)
    throw new InputError(
      'invalid_training_data',
      'init_weights "text" sets the rows themselves, which prefix_projection makes through an MLP: choose one',
    )
  if (init_text) return init_text
  throw new InputError('invalid_training_data', 'init_weights "text" needs the text: init_text')
}

/** Settings that fit no module of the base are the caller's. */
function settled<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new InputError('invalid_training_data', (error as Error).message, { cause: error })
  }
}
