import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Jieba } from '@node-rs/jieba'

/** Built when first needed: it takes some 40 MB. */
let jieba: Jieba | undefined

/**
 * The words of a text, spaces and signs among them, as `jieba.cut` of Python gives them. jieba-rs differs where a sign
 * binds letters to a number (`GPT-4` is one word), and in rare ideographs.
 */
export function wordsOf(text: string): string[] {
  jieba ??= Jieba.withDict(readFileSync(createRequire(import.meta.url).resolve('@node-rs/jieba/dict.txt')))
  return jieba.cut(text, true)
}
