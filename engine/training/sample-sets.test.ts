import { describe, expect, test } from 'vitest'
import { textReference } from '../../test/reference/load.ts'
import { InputError } from '../errors.ts'
import { loadChat } from '../text/chat.ts'
import { talk } from '../tiny.case.ts'
import { sampleSets } from './sample-sets.ts'

const limits = { max_input_length: 32, max_output_length: 16 }
const chat = loadChat(textReference('chatml').directory)
const run = { chat, train: [talk('1?', 'one')], dev: [], args: { ...limits, packing: false, seed: 1 } }
const long = talk('2?', 'two '.repeat(40))

describe('samples', () => {
  test('that were cut are told: which set, which place, their length and the limit', () => {
    const { train, dev, truncated, longest } = sampleSets(
      { ...run, train: [talk('1?', 'one'), long], dev: [long] },
      48,
    )
    const tokens = truncated[0]!.tokens
    expect(tokens).toBeGreaterThan(48)
    expect(truncated).toEqual([
      { set: 'train', index: 1, tokens, limit: 48 },
      { set: 'dev', index: 0, tokens, limit: 48 },
    ])
    expect([train[1]!.tokens.length, dev[0]!.tokens.length, longest]).toEqual([48, 48, 48])
  })

  test('that fit are left alone', () => {
    const { train, truncated, longest } = sampleSets(run, 48)
    expect(truncated).toEqual([])
    expect(longest).toBe(train[0]!.tokens.length)
  })
})

test('packed into rows up to the limit, the training set is fewer and longer; the dev set is left alone', () => {
  const train = ['one', 'two', 'three'].map((answer) => talk('1?', answer))
  const sets = (packing: boolean) =>
    sampleSets({ ...run, train, dev: [talk('1?', 'one')], args: { ...run.args, packing } }, 48)
  const [plain, packed] = [sets(false), sets(true)]
  expect([plain.train.length, packed.train.length]).toEqual([3, 2])
  expect(packed.longest).toBe(Math.max(...packed.train.map(({ tokens }) => tokens.length)))
  expect(packed.longest).toBeGreaterThan(plain.longest)
  expect(packed.dev).toEqual(plain.dev)
})

describe('refuses', () => {
  const refusal = (changed: Partial<typeof run>, room = 48) => {
    try {
      sampleSets({ ...run, ...changed }, room)
    } catch (error) {
      return error as InputError
    }
    return undefined
  }

  test('limits beyond the context window, with both numbers', () => {
    const error = refusal({}, 47)
    expect(error).toBeInstanceOf(InputError)
    expect(error).toMatchObject({ code: 'invalid_training_data' })
    expect(error!.message).toContain('is 48 tokens')
    expect(error!.message).toContain('leaves 47')
  })

  test('an empty training set', () => {
    expect(refusal({ train: [] })).toMatchObject({
      code: 'invalid_training_data',
      message: 'the training set has no conversations',
    })
  })

  test('a conversation without a reply, and says which one', () => {
    const silent = [{ role: 'user' as const, content: 'Hello?' }]
    const error = refusal({ train: [talk('1?', 'one'), silent] })
    expect(error).toMatchObject({ code: 'invalid_training_data' })
    expect(error!.message).toMatch(/^train conversation 2: a conversation without an assistant turn/)
  })
})
