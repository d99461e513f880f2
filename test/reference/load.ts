/** Reads what the Python scripts beside this file wrote. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Conversation } from '../../engine/text/sample.ts'

const fixtures = join(import.meta.dirname, 'fixtures')

type TextReference = {
  /** Has the tokenizer's files. */
  directory: string
  texts: { text: string; ids: number[]; raw: number[]; decoded: string }[]
  chats: {
    name: string
    conversation: Conversation
    add_generation_prompt: boolean
    text: string
    ids: number[]
  }[]
}

/** What tokenizers and transformers made of texts and conversations. */
export function textReference(name: 'chatml' | 'llama2' | 'llama2-legacy'): TextReference {
  const directory = join(fixtures, 'text', name)
  return { directory, ...JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) }
}
