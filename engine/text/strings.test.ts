/** Every kind of tokenizer on hundreds of texts, against transformers and sentencepiece. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { stringReference, tokenizerKinds } from '../../test/reference/load.ts'
import { temporary } from '../tiny.case.ts'
import { loadTokenizer } from './tokenizer.ts'

const { root, remove } = temporary()
afterAll(remove)

test('there are at least 200 texts', () => {
  const { texts } = stringReference('chatglm3')
  expect(new Set(texts.map(({ text }) => text)).size).toBeGreaterThanOrEqual(200)
})

describe.each(tokenizerKinds)('%s', (kind) => {
  const { directory, by, texts } = stringReference(kind)
  const tokenizer = loadTokenizer(directory)

  test(`has the ids of ${by}, for every text`, () => {
    for (const { text, ids } of texts) {
      // To sentencepiece control pieces are plain text; the turns of Gemma are ordinary pieces.
      const asked = by === 'sentencepiece' && !text.includes('_of_turn>') ? tokenizer.guard(text) : text
      expect(tokenizer.encode(asked), JSON.stringify(text)).toEqual(ids)
    }
  })
})

test.each(['chatml', 'sp-llama', 'sp-gemma', 'gemma', 'chatglm3'] as const)(
  '%s gives back every text that it encodes, special tokens meant as plain text too',
  (kind) => {
    const { directory, texts } = stringReference(kind)
    const tokenizer = loadTokenizer(directory)
    for (const { text } of texts) {
      if (/^ |▁/.test(text)) continue // SentencePiece's own space, which cannot be told from the text's
      const ids = tokenizer.encode(tokenizer.guard(text))
      expect(ids.some((id) => tokenizer.isSpecial(id))).toBe(false)
      expect(tokenizer.decode(ids)).toBe(text)
    }
  },
)

test.each([
  ['no protobuf', (): Uint8Array => new TextEncoder().encode('<html>not found</html>')],
  ['nothing', () => new Uint8Array(0)],
  ['half of one', (whole: Uint8Array) => whole.subarray(0, whole.length / 2 + 3)],
  ['a model of words', (whole: Uint8Array) => Uint8Array.from([...whole, 0x12, 2, 0x18, 3])],
])('a tokenizer.model that is %s is refused by its name', (_, damage) => {
  const file = join(root, 'tokenizer.model')
  writeFileSync(file, damage(readFileSync(join(stringReference('sp-bpe').directory, 'tokenizer.model'))))
  expect(() => loadTokenizer(root)).toThrow(
    /tokenizer\.model is (no SentencePiece model|a SentencePiece model with)/,
  )
})
