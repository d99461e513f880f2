import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadChatTemplate } from '../../engine/text/chat-template.ts'
import type { Conversation } from '../../engine/text/sample.ts'
import { loadTokenizer } from '../../engine/text/tokenizer.ts'
import { commonCharacters } from './skills/words.ts'

const directory = join(import.meta.dirname, '../../models/preamble-tiny')
const tokenizer = loadTokenizer(directory)
const template = loadChatTemplate(directory)

type Encoding = { text: string; ids: number[] }
const encodings = readFileSync(join(import.meta.dirname, 'reference/encodings.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Encoding)

test.each(encodings)('$text has the ids that Python gives it', ({ text, ids }) => {
  expect(tokenizer.encode(text)).toEqual(ids)
})

test('any text comes back as it was: every plane of Unicode, control characters and emoji', () => {
  const codes = Array.from({ length: Math.ceil(0x110000 / 61) }, (_, i) => i * 61)
  const characters = codes.map((code) => String.fromCodePoint(code)).filter((c) => c.isWellFormed())
  const text = `${characters.join('')}😀👩‍👩‍👧🇨🇳\u{10ffff}`
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
})

test('a common Chinese character takes one token, a rare one of them at most its three bytes', () => {
  const costs = commonCharacters.map((character) => tokenizer.encode(character).length)
  expect(Math.max(...costs)).toBeLessThanOrEqual(3)
  expect(costs.filter((cost) => cost === 1).length / costs.length).toBeGreaterThan(0.95)
})

test('each turn stands between its role and the end, and a reply is opened for', () => {
  const conversation: Conversation = [
    { role: 'system', content: '回答要简短。' },
    { role: 'user', content: '你好' },
  ]
  expect(template(conversation, { generationPrompt: true, variables: {} })).toBe(
    '<|system|>回答要简短。<|end|><|user|>你好<|end|><|assistant|>',
  )
})

test('a system turn that comes late is refused', () => {
  const late: Conversation = [
    { role: 'user', content: '你好' },
    { role: 'system', content: '回答要简短。' },
  ]
  expect(() => template(late, { generationPrompt: true, variables: {} })).toThrow(/a system turn comes first/)
})
