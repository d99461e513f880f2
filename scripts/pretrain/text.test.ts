import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadChat } from '../../engine/text/chat.ts'
import { trainingSample } from '../../engine/text/sample.ts'
import { corpus } from './text.ts'

const root = join(import.meta.dirname, '../..')

test('the same seed makes the same text, another seed another', () => {
  expect(corpus(200, 20, 3)).toEqual(corpus(200, 20, 3))
  expect(corpus(200, 20, 3).train).not.toEqual(corpus(200, 20, 4).train)
})

test('no conversation of the dev set is in the training set', () => {
  const { train, dev } = corpus(5000, 200, 1)
  const seen = new Set(train.map((c) => JSON.stringify(c)))
  expect(dev.filter((c) => seen.has(JSON.stringify(c)))).toEqual([])
})

test('roles alternate, a system turn comes first, and no turn is empty', () => {
  for (const conversation of corpus(2000, 0, 2).train) {
    const turns = conversation.filter((m, i) => !(i === 0 && m.role === 'system'))
    expect(turns.map((m) => m.role)).toEqual(turns.map((_, i) => (i % 2 === 0 ? 'user' : 'assistant')))
    expect(turns.length % 2).toBe(0)
    expect(conversation.every((m) => m.content.trim() !== '')).toBe(true)
  }
})

test('every conversation fits the training length with the shipped tokenizer', () => {
  const chat = loadChat(join(root, 'models/preamble-tiny'))
  const limits = { max_input_length: 256, max_output_length: 256 }
  const samples = corpus(1000, 0, 2).train.map((c) => trainingSample(chat, c, limits))
  expect(samples.filter((s) => s.truncated)).toEqual([])
})

test('the demo corpus is no part of what the base has learnt from', () => {
  const lines = new Set(readFileSync(join(root, 'samples/health-zh.txt'), 'utf8').split('\n').filter(Boolean))
  const said = corpus(20_000, 0, 20261124).train.flat()
  expect(said.filter((m) => m.role === 'assistant' && lines.has(m.content))).toEqual([])
})
