import { copyFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringReference } from '../../test/reference/load.ts'
import { temporary } from '../tiny.case.ts'
import { loadChat } from './chat.ts'

const { root, remove } = temporary()
afterAll(remove)
const { directory } = stringReference('gemma')
for (const file of readdirSync(directory)) copyFileSync(join(directory, file), join(root, file))
const open = (config: object) => {
  writeFileSync(join(root, 'config.json'), JSON.stringify(config))
  return loadChat(root)
}
const talk = [
  { role: 'user', content: ' hi <end_of_turn>' },
  { role: 'assistant', content: 'hello' },
] as const

test('a Gemma without a template speaks in the turns that it was published with', () => {
  const chat = open({ model_type: 'gemma' })
  const { tokenizer } = chat
  const id = (name: string) => tokenizer.idOf(name)
  const prompt = chat.promptTokens(talk.slice(0, 1))
  expect(prompt.filter((token) => tokenizer.isSpecial(token))).toEqual([
    ...['<bos>', '<start_of_turn>', '<end_of_turn>', '<start_of_turn>'].map(id),
  ])
  expect(tokenizer.decode(prompt)).toBe('user\nhi <end_of_turn>\nmodel\n')
  expect(chat.exchanges(talk)[0]).toMatchObject({
    prompt,
    tail: [id('<end_of_turn>'), ...tokenizer.encode('\n')],
  })
  expect(chat.stopIds()).toContain(id('<end_of_turn>'))
  expect(() => chat.promptTokens([{ role: 'system', content: 'x' }, ...talk])).toThrow('no system turn')
  expect(() => chat.promptTokens([...talk, { role: 'tool', content: 'x' }])).toThrow(
    'Gemma knows no tool calls',
  )
})

test('another model without a template says what is missing', () => {
  expect(() => open({ model_type: 'llama' })).toThrow(/has no chat template.*put the one there/)
})
