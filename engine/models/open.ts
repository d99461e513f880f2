import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { llama } from './llama.ts'
import type { Model } from './model.ts'

/** Architectures by the `model_type` of their config.json. A new family is one file and one line here. */
const families: Record<string, (config: unknown) => Model> = { llama }

/**
 * The model that a Hugging Face directory's config.json describes.
 * @throws when the architecture is unknown, or a key has a value whose arithmetic is not implemented
 */
export function openModel(directory: string): Model {
  const file = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as { model_type?: unknown }
  const family = families[String(config.model_type)]
  if (!family) {
    const known = Object.keys(families).join(', ')
    throw new Error(`${file}: model_type ${JSON.stringify(config.model_type)} is not known; known: ${known}`)
  }
  try {
    return family(config)
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const problems = error.issues.map((i) => `${i.path.join('.')}: ${i.message}`)
    throw new Error(`${file}: ${problems.join('; ')}`)
  }
}
