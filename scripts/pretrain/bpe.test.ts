import { expect, test } from 'vitest'
import { trainBpe } from './bpe.ts'

const pieces = new Map([
  ['low', 5],
  ['lower', 2],
  ['newest', 6],
  ['widest', 3],
  ['好', 4],
])

test('the most frequent pairs are merged first, ties in code-unit order', () => {
  const { merges } = trainBpe(pieces, [], 256 + 4)
  expect(merges).toEqual([
    ['e', 's'],
    ['es', 't'],
    ['l', 'o'],
    ['lo', 'w'],
  ])
})

test('special tokens come first, then the 256 bytes, then the merges', () => {
  const { tokens, merges } = trainBpe(pieces, ['<|end|>'], 1 + 256 + 3)
  expect(tokens[0]).toBe('<|end|>')
  expect(new Set(tokens).size).toBe(260)
  expect(tokens.slice(-3)).toEqual(merges.map((pair) => pair.join('')))
})

test('training ends when every piece is one token', () => {
  expect(trainBpe(new Map([['好', 1]]), [], 1000).merges.length).toBe(2) // three bytes
})
