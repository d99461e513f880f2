import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { chatglmSpecials, chatglmVersion } from './chatglm.ts'
import { readJson, readJsonIfThere } from './json-file.ts'
import { definitionOf } from './sentencepiece/definition.ts'
import { readSentencePiece } from './sentencepiece/model.ts'

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
  tokenizer_class: z.string().nullish(),
  legacy: z.boolean().nullish(),
  add_prefix_space: z.boolean().nullish(),
  add_bos_token: z.boolean().nullish(),
  bos_token: TokenText,
  eos_token: TokenText,
  pad_token: TokenText,
  unk_token: TokenText,
  added_tokens_decoder: z.record(z.string(), z.looseObject(AddedToken.omit({ id: true }).shape)).nullish(),
})
type TokenizerConfig = z.infer<typeof TokenizerConfig>

const AddedTokens = z.record(z.string(), z.number().int().nonnegative())

const ids = z.union([z.number().int(), z.array(z.number().int())]).nullish()
const GenerationConfig = z.looseObject({ eos_token_id: ids })

export type TokenizerFiles = {
  /** The file that the definition is from. */
  path: string
  json: TokenizerJson
  config: TokenizerConfig
  /** `eos_token_id` of generation_config.json, empty when it names none. */
  eosIds: number[]
}

/**
 * Reads tokenizer.json, or else SentencePiece's tokenizer.model.
 * @throws an Error that names the file and the key when one is missing or not as expected
 */
export function readTokenizerFiles(directory: string): TokenizerFiles {
  const at = (name: string) => join(directory, name)
  const config = readJsonIfThere(at('tokenizer_config.json'), TokenizerConfig)
  const eosIds = [readJsonIfThere(at('generation_config.json'), GenerationConfig).eos_token_id ?? []].flat()
  const path = at('tokenizer.json')
  if (existsSync(path)) return { path, json: readJson(path, TokenizerJson), config, eosIds }
  const model = at('tokenizer.model')
  if (!existsSync(model)) throw new Error(`${directory} has neither tokenizer.json nor tokenizer.model`)
  return { path: model, eosIds, ...fromSentencePiece(directory, model, config) }
}

function fromSentencePiece(
  directory: string,
  path: string,
  config: TokenizerConfig,
): { json: TokenizerJson; config: TokenizerConfig } {
  const model = readSentencePiece(path)
  const text = (id: number) => model.pieces[id]?.text
  const named = { bos_token: text(model.bosId), eos_token: text(model.eosId), unk_token: text(model.unkId) }
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value != null))
  return {
    json: definitionOf(model, config, addedIn(directory, config, model.pieces.length)),
    config: { ...config, ...named, ...given },
  }
}

/** Tokens that are not in the model: ChatGLM's own, and those that the configs add. */
function addedIn(directory: string, config: TokenizerConfig, size: number): AddedToken[] {
  const token = (id: number, content: string, special = true): AddedToken => ({
    ...{ id, content, special },
    ...{ lstrip: false, rstrip: false },
  })
  const version = chatglmVersion(directory)
  const own = version ? chatglmSpecials(version).map((content, i) => token(size + i, content)) : []
  const old = readJsonIfThere(join(directory, 'added_tokens.json'), AddedTokens)
  const names = [config.bos_token, config.eos_token, config.pad_token, config.unk_token]
  return [
    ...Object.entries(old).map(([content, id]) => token(id, content, names.includes(content))),
    ...Object.entries(config.added_tokens_decoder ?? {}).map(([id, added]) => ({ ...added, id: Number(id) })),
    ...own, // published configs list some of them as if they were no special tokens
  ]
}
