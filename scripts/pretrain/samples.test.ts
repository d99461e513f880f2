import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readWhole } from '../../corpus/read.ts'

const file = readFileSync(join(import.meta.dirname, '../../samples/health-zh.txt'))
const { conversations, problems } = await readWhole(file)

test('the sample corpus has at least forty pairs and nothing wrong with it', () => {
  expect(conversations.length).toBeGreaterThanOrEqual(40)
  expect(problems.list).toEqual([])
})

test('its answers are short, and some have several lines', () => {
  const answers = conversations.map((turns) => turns.at(-1)!.content)
  expect(answers.filter((answer) => [...answer].length < 20 || [...answer].length > 60)).toEqual([])
  expect(answers.some((answer) => answer.includes('\n'))).toBe(true)
})
