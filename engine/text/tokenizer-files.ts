import { join } from 'node:path'
import { z } from 'zod'
import { readJson, readJsonIfThere } from './json-file.ts'

/** What is read of a Hugging Face directory's tokenizer files; keys not named here stay in `json`. */

const AddedToken = z.object({
  id: z.number().int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
})
export type AddedToken = z.infer<typeof AddedToken>

/** A part of tokenizer.json: a normalizer, pre-tokenizer or decoder. */
export type Part = z.infer<typeof Part>
export const Part = z.looseObject({ type: z.string() })

const TokenizerJson = z.looseObject({
  added_tokens: z.array(z.looseObject(AddedToken.shape)).default([]),
  normalizer: Part.nullable().default(null),
  pre_tokenizer: Part.nullable().default(null),
  post_processor: Part.nullable().default(null),
  decoder: Part.nullable().default(null),
  model: z.looseObject({ type: z.string().optional() }),
})
export type TokenizerJson = z.infer<typeof TokenizerJson>

/** A special token is written as its text, or as an object that holds the text. */
const TokenText = z
  .union([z.string(), z.object({ content: z.string() }).transform((token) => token.content)])
  .nullish()

const TokenizerConfig = z.looseObject({
  bos_token: TokenText,
  eos_token: TokenText,
  pad_token: TokenText,
  unk_token: TokenText,
})

const ids = z.union([z.number().int(), z.array(z.number().int())]).nullish()
const GenerationConfig = z.looseObject({ eos_token_id: ids })

export type TokenizerFiles = {
  directory: string
  json: TokenizerJson
  config: z.infer<typeof TokenizerConfig>
  /** `eos_token_id` of generation_config.json, empty when it names none. */
  eosIds: number[]
}

/** Throws an Error that names the file and the key when one is missing or not as expected. */
export function readTokenizerFiles(directory: string): TokenizerFiles {
  return {
    directory,
    json: readJson(join(directory, 'tokenizer.json'), TokenizerJson),
    config: readJsonIfThere(join(directory, 'tokenizer_config.json'), TokenizerConfig),
    eosIds: [
      readJsonIfThere(join(directory, 'generation_config.json'), GenerationConfig).eos_token_id ?? [],
    ].flat(),
  }
}
