/** ChatGLM2 and ChatGLM3, whose prompts are made of token ids by rules of their own and not by a template. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonIfThere } from './json-file.ts'

export type ChatglmVersion = 2 | 3

/** Special tokens that their tokenizers add behind the pieces of tokenizer.model, in this order. */
export const chatglmSpecials = (version: ChatglmVersion): string[] => [
  ...['[MASK]', '[gMASK]', '[sMASK]', 'sop', 'eop'],
  ...(version === 3 ? ['<|system|>', '<|user|>', '<|assistant|>', '<|observation|>'] : []),
]

const Config = z.looseObject({ model_type: z.string().optional(), _name_or_path: z.string().nullish() })
const TokenizerConfig = z.looseObject({
  name_or_path: z.string().nullish(),
  added_tokens_decoder: z.record(z.string(), z.looseObject({ content: z.string() })).nullish(),
})

/**
 * Which ChatGLM a directory holds; undefined: none. The two have one architecture, so it is told by the role tokens that
 * the published tokenizer's code or config knows, or else by the name that the configs give.
 * @throws an Error when it is a ChatGLM that none of this tells
 */
export function chatglmVersion(directory: string): ChatglmVersion | undefined {
  const config = readJsonIfThere(join(directory, 'config.json'), Config)
  if (config.model_type !== 'chatglm') return undefined
  const tokenizer = readJsonIfThere(join(directory, 'tokenizer_config.json'), TokenizerConfig)
  const added = Object.values(tokenizer.added_tokens_decoder ?? {}).map(({ content }) => content)
  if (added.length > 0) return added.includes('<|user|>') ? 3 : 2
  const code = join(directory, 'tokenization_chatglm.py')
  if (existsSync(code)) return readFileSync(code, 'utf8').includes('<|user|>') ? 3 : 2
  for (const name of [config._name_or_path, tokenizer.name_or_path]) {
    const named = /chatglm-?([23])/i.exec(name ?? '')?.[1]
    if (named) return Number(named) as ChatglmVersion
  }
  throw new Error(
    `${directory} is a ChatGLM, but neither tokenizer_config.json nor config.json tells whether ChatGLM2 or ChatGLM3, ` +
      'whose prompts differ; put the published tokenization_chatglm.py there (it is read, not run)',
  )
}
