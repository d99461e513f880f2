/** Every weight of the base is trained; what comes out is a Hugging Face directory of its own, in float32. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { input } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { Binding } from '../models/model.ts'
import { type Checkpoint, tensorOf } from '../weights/checkpoint.ts'
import { encodeSafetensors, readTensor } from '../weights/safetensors.ts'
import type { Adapter } from './adapter.ts'
import type { AdapterFiles } from './adapter-files.ts'

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
      ...textFiles(checkpoint.directory),
    }),
  }
}

/** What the base's directory has to make tokens and prompts; a tuned model keeps it. */
const textFileNames = [
  ...[
    'tokenizer.json',
    'tokenizer.model',
    'tokenizer_config.json',
    'special_tokens_map.json',
    'added_tokens.json',
  ],
  ...['chat_template.jinja', 'generation_config.json', 'tokenization_chatglm.py'],
]

const textFiles = (directory: string): AdapterFiles =>
  Object.fromEntries(
    textFileNames
      .filter((name) => existsSync(join(directory, name)))
      .map((name) => [name, readFileSync(join(directory, name))]),
  )

/** The base's config.json, which says what the weights are stored as. */
function configFor(directory: string): string {
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as object
  // transformers 5 calls it `dtype`, and reads both.
  const key = 'dtype' in config ? 'dtype' : 'torch_dtype'
  return `${JSON.stringify({ ...config, [key]: 'float32' }, null, 2)}\n`
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
