import { describe, expect, test } from 'vitest'
import { metricsReference } from '../../test/reference/load.ts'
import { bleu4 } from './bleu.ts'
import { rouge } from './rouge.ts'
import { scoresOf } from './scores.ts'
import { wordsOf } from './words.ts'

const { pairs, texts } = metricsReference()

describe('given the same words', () => {
  const named = pairs.map((pair) => [`${pair.reply} | ${pair.target}`, pair] as const)

  test.each(named)('%j has the scores of nltk and rouge_chinese', (_, pair) => {
    const { one, two, longest } = rouge(...pair.words)
    const got = { 'rouge-1': one, 'rouge-2': two, 'rouge-l': longest, 'bleu-4': bleu4(...pair.words) }
    for (const [name, score] of Object.entries(got))
      expect(Math.abs(score - pair[name as keyof typeof got]), name).toBeLessThan(1e-9)
  })
})

describe('words', () => {
  const different = texts.filter(({ text, words }) => wordsOf(text).join('|') !== words.join('|'))

  test('are those of Python’s jieba', () => {
    expect(texts.length).toBeGreaterThan(200)
    expect(different.map(({ text }) => text.slice(0, 20))).toEqual([
      '𠮷野家 𪚥𪚥𪚥', // rare ideographs stay together
      '3.14159 1,234,567 1e', // 1e-5 is one word, as all that a sign binds to a number
      'GPT-4和ChatGLM3-6B哪个更',
      '2024年11月24日 15:30 UT',
      '啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊啊', // one of thousands of equal cuts
    ])
  })

  test('joined again are the text', () => {
    for (const { text } of texts) expect(wordsOf(text).join('')).toBe(text)
  })
})

test('scores are means over the replies, in percent', () => {
  const same = { reply: ' 多喝水，注意休息。\n', target: '多喝水，注意休息。' }
  const other = { reply: '明天有雨', target: '早晚刷牙，饭后漱口' }
  const perfect = scoresOf([same])
  for (const score of Object.values(perfect)) expect(score).toBeCloseTo(100, 5)
  for (const score of Object.values(scoresOf([same, other]))) expect(score).toBeCloseTo(50, 5)
  for (const score of Object.values(scoresOf([{ reply: '', target: '好' }]))) expect(score).toBe(0)
})
