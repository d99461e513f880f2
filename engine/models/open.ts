import { join } from 'node:path'
import { z } from 'zod'
import { readJson } from '../text/json-file.ts'
import { chatglm } from './chatglm.ts'
import { gemma } from './gemma.ts'
import { llama, mistral } from './llama.ts'
import type { Model } from './model.ts'
import { qwen2, qwen3 } from './qwen.ts'

/** Architectures by the `model_type` of their config.json. A new family is one file and one line here. */
const families = new Map<string, (config: object) => Model>(
  Object.entries({ chatglm, gemma, llama, mistral, qwen2, qwen3 }),
)
const Config = z.looseObject({ model_type: z.string() })

/**
 * The model that a Hugging Face directory's config.json describes.
 * @throws when the architecture is unknown, or a key is missing or has a value whose arithmetic is not implemented;
 * the message names the file, the key and its value
 */
export function openModel(directory: string): Model {
  const file = join(directory, 'config.json')
  const config = readJson(file, Config)
  const family = families.get(config.model_type)
  if (!family) {
    const known = [...families.keys()].join(', ')
    throw new Error(`${file}: model_type "${config.model_type}" is not known; known: ${known}`)
  }
  try {
    return family(config)
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const problems = error.issues.map(
      ({ path, message }) =>
        `${path.join('.')} is ${JSON.stringify(valueAt(config, path)) ?? 'missing'}: ${message}`,
    )
    throw new Error(`${file}: ${problems.join('; ')}`)
  }
}

const valueAt = (config: object, path: readonly PropertyKey[]) =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], config)
