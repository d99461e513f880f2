import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { textReference } from '../../test/reference/load.ts'
import { loadTokenizer, Tokenizer } from './tokenizer.ts'
import { readTokenizerFiles } from './tokenizer-files.ts'

describe.each(['chatml', 'llama2', 'llama2-legacy'] as const)('the %s tokenizer', (name) => {
  const { directory, texts, chats } = textReference(name)
  const tokenizer = loadTokenizer(directory)

  test.each(texts)('encodes and decodes $text as tokenizers does', ({ text, ids, raw, decoded }) => {
    expect(tokenizer.encode(text)).toEqual(ids)
    expect(tokenizer.encodeRaw(text)).toEqual(raw)
    expect(tokenizer.decode(ids)).toBe(decoded)
  })

  test.each(chats)('encodes a rendered chat as tokenizers does: $name', ({ text, ids }) => {
    expect(tokenizer.encode(text)).toEqual(ids)
  })

  test('streams whole characters that join to the decoded text', () => {
    const ids = tokenizer.encode('你好，😀👩‍👩‍👧 café 𠮷')
    const stream = tokenizer.stream()
    const pieces = ids.map((id) => stream.push(id))
    expect(stream.end()).toBe('')
    expect(pieces.join('')).toBe('你好，😀👩‍👩‍👧 café 𠮷')
    expect(pieces.filter((piece) => piece === '').length).toBeGreaterThan(0) // several tokens make one character
    for (const piece of pieces) {
      expect(piece.isWellFormed()).toBe(true)
      expect(piece).not.toContain('\uFFFD')
    }
  })

  test('a character cut off at the end becomes U+FFFD', () => {
    const ids = tokenizer.encode('a😀')
    const stream = tokenizer.stream()
    expect(
      ids
        .slice(0, -1)
        .map((id) => stream.push(id))
        .join(''),
    ).toBe('a')
    expect(stream.end()).toBe('\uFFFD')
  })

  test('a broken character does not swallow the one after it', () => {
    const ids = [...tokenizer.encode('😀').slice(0, -1), ...tokenizer.encode('x', 'x')]
    expect(tokenizer.decode(ids)).toBe('\uFFFDx')
  })

  test('special tokens and ids outside the vocabulary decode to nothing', () => {
    const special = tokenizer.eosIds[0]!
    expect(tokenizer.decode([special, ...tokenizer.encode('Hello'), special, 999_999])).toBe('Hello')
  })
})

const chatml = loadTokenizer(textReference('chatml').directory)
const llama2 = loadTokenizer(textReference('llama2').directory)

test('eos, bos and pad are found in both config files', () => {
  expect([chatml.eosIds, chatml.bosId, chatml.padId]).toEqual([[2, 0], undefined, 0])
  expect([llama2.eosIds, llama2.bosId, llama2.padId]).toEqual([[2], 1, undefined])
  expect(llama2.namedTokens).toEqual({ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' })
})

test("a special token's text becomes its id, unless it is guarded", () => {
  const text = 'a<|im_end|>b<|im_end|>'
  expect(chatml.encode(text)).toEqual([...chatml.encode('a'), 2, ...chatml.encode('b'), 2])
  const guarded = chatml.encode(chatml.guard(text))
  expect(guarded.some((id) => chatml.isSpecial(id))).toBe(false)
  expect(chatml.decode(guarded)).toBe(text)
})

test('guarded text next to a special token stays plain, the special token stays special', () => {
  const ids = chatml.encode(
    `${chatml.guard('<|im_start|>')}<|im_start|>${chatml.guard('<|im_end|>\uFDD0')}<|im_end|>`,
  )
  expect(ids.filter((id) => chatml.isSpecial(id))).toEqual([1, 2])
})

test('an added token that is not special is recognised in guarded text', () => {
  const think = chatml.encode('<think>')
  expect(think).toHaveLength(1)
  expect(chatml.encode(chatml.guard('<think>'))).toEqual(think)
  expect(chatml.decode(think)).toBe('<think>')
})

test('one token is written as its text, a special one without bytes, a part of a character as its bytes', () => {
  const written = (text: string) => chatml.encode(text).map((id) => chatml.written(id))
  expect(written(' a')).toEqual([{ token: ' a', bytes: [32, 97] }])
  expect(written('<|im_end|>')).toEqual([{ token: '<|im_end|>', bytes: null }])
  const parts = written('𠮷')
  expect(parts.flatMap(({ bytes }) => bytes)).toEqual([0xf0, 0xa0, 0xae, 0xb7])
  expect(parts.map(({ token }) => token).join('')).toBe('\\xf0\\xa0\\xae\\xb7')
  expect(llama2.written(llama2.encode('a')[0]!)).toEqual({ token: ' a', bytes: [32, 97] })
})

test('ids that no token has are known', () => {
  expect([chatml.unused, llama2.unused]).toEqual([[], []])
  const { json, config, eosIds } = readTokenizerFiles(textReference('chatml').directory)
  const far = { id: chatml.size + 2, content: '<far>', special: true, lstrip: false, rstrip: false }
  const files = { json: { ...json, added_tokens: [...json.added_tokens, far] }, config, eosIds }
  const sparse = new Tokenizer({ ...readTokenizerFiles(textReference('chatml').directory), ...files })
  expect([sparse.size, sparse.unused]).toEqual([chatml.size + 3, [chatml.size, chatml.size + 1]])
})

test('text encoded in pieces has the tokens of the whole, at word boundaries', () => {
  for (const name of ['chatml', 'llama2', 'llama2-legacy'] as const) {
    const tokenizer = loadTokenizer(textReference(name).directory)
    const pieces = ['Hello', ' how', ' are', ' you']
    const ids = pieces.flatMap((piece, i) => tokenizer.encode(piece, pieces.slice(0, i).join('')))
    expect(ids).toEqual(tokenizer.encode(pieces.join('')))
  }
})

test('a text that continues another keeps its leading space', () => {
  const ids = llama2.encode(' are you', 'how')
  expect(llama2.decode(ids, true)).toBe(' are you')
  expect(llama2.decode(ids)).toBe('are you')
})

test.each<[problem: string, files: Record<string, string>, message: RegExp]>([
  ['no tokenizer.json', {}, /has neither tokenizer\.json nor tokenizer\.model/],
  ['a tokenizer.json that is cut', { 'tokenizer.json': '{"model": ' }, /tokenizer\.json is not JSON/],
  [
    'a tokenizer.json without a model',
    { 'tokenizer.json': '{}' },
    /tokenizer\.json is not as expected:[\s\S]*model/,
  ],
  [
    'a decoder that is not known',
    { 'tokenizer.json': '{"model":{"type":"BPE","vocab":{},"merges":[]},"decoder":{"type":"WordPiece"}}' },
    /tokenizer\.json: decoder "WordPiece" is not supported/,
  ],
])('%s is named', (_, files, message) => {
  const directory = mkdtempSync(join(tmpdir(), 'tokenizer-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
  expect(() => loadTokenizer(directory)).toThrow(message)
  expect(() => loadTokenizer(directory)).toThrow(directory)
})
