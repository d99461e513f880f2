/** Every weight of the base is trained, and kept as float32 beside its config; the tokenizer stays the base's. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { input } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { Binding } from '../models/model.ts'
import { type Checkpoint, tensorOf } from '../weights/checkpoint.ts'
import { encodeSafetensors, readTensor } from '../weights/safetensors.ts'
import type { Adapter } from './adapter.ts'

export type FullTuning = { peft_type: 'FULL' }

/** `asked` names the weights that the model uses, with their shapes. */
export function fullAdapter(checkpoint: Checkpoint, asked: ReadonlyMap<string, readonly number[]>): Adapter {
  return {
    virtualTokens: 0,
    firstPosition: 0,
    init: () =>
      new Map(
        [...asked].map(([name, shape]) => [
          name,
          { shape, data: readTensor(tensorOf(checkpoint, name, shape)) },
        ]),
      ),
    bind: (binding) => ({ ...binding, weight: once((name, shape) => input(name, shape)) }),
    files: async (parameters) => ({
      'config.json': new TextEncoder().encode(configFor(checkpoint.directory)),
      'model.safetensors': encodeSafetensors(parameters),
    }),
  }
}

/** The base's config.json, which says what the weights are stored as. */
function configFor(directory: string): string {
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as object
  return `${JSON.stringify({ ...config, torch_dtype: 'float32' }, null, 2)}\n`
}

/** One node per name: a tied weight is one parameter, whose gradient sums both uses. */
function once(make: Binding['weight']): Binding['weight'] {
  const made = new Map<string, Node>()
  return (name, shape) => {
    const node = made.get(name) ?? make(name, shape)
    made.set(name, node)
    return node
  }
}
