import { describe, expect, test } from 'vitest'
import { textReference } from '../../test/reference/load.ts'
import { InputError } from '../errors.ts'
import { loadChat } from '../text/chat.ts'
import { talk } from '../tiny.case.ts'
import { type Samples, type SetsRequest, sampleSets } from './sample-sets.ts'

const limits = { max_input_length: 32, max_output_length: 16 }
const chat = loadChat(textReference('chatml').directory)
const run: SetsRequest = {
  chat,
  train: [talk('1?', 'one')],
  dev: [],
  args: { ...limits, packing: false, seed: 1 },
}
const all = ({ lengths, at }: Samples) => [...lengths.keys()].map(at)
const long = talk('2?', 'two '.repeat(40))

describe('samples', () => {
  test('that were cut are told: which set, which place, their length and the limit', async () => {
    using sets = await sampleSets({ ...run, train: [talk('1?', 'one'), long], dev: [long] }, 48)
    const { train, dev, truncated, longest } = sets
    const tokens = truncated[0]!.tokens
    expect(tokens).toBeGreaterThan(48)
    expect(truncated).toEqual([
      { set: 'train', index: 1, tokens, limit: 48 },
      { set: 'dev', index: 0, tokens, limit: 48 },
    ])
    expect([train.at(1).tokens.length, dev.at(0).tokens.length, longest]).toEqual([48, 48, 48])
    expect([train.lengths[1], dev.lengths[0]]).toEqual([48, 48])
  })

  test('that fit are left alone', async () => {
    using sets = await sampleSets(run, 48)
    expect(sets.truncated).toEqual([])
    expect(sets.longest).toBe(sets.train.at(0).tokens.length)
  })
})

test('packed into rows up to the limit, the training set is fewer and longer; the dev set is left alone', async () => {
  const train = ['one', 'two', 'three'].map((answer) => talk('1?', answer))
  const sets = (packing: boolean) =>
    sampleSets({ ...run, train, dev: [talk('1?', 'one')], args: { ...run.args, packing } }, 48)
  using plain = await sets(false)
  using packed = await sets(true)
  expect([plain.trainSamples, packed.trainSamples]).toEqual([3, 3])
  expect([plain.train.lengths.length, packed.train.lengths.length]).toEqual([3, 2])
  const rows = all(packed.train)
  expect(rows.map(({ tokens }) => tokens.length)).toEqual(packed.train.lengths)
  expect(packed.longest).toBe(Math.max(...packed.train.lengths))
  expect(packed.longest).toBeGreaterThan(plain.longest)
  expect(packed.labelled).toBe(Math.max(...rows.map(({ targets }) => targets.length)))
  expect(plain.labelled).toBe(Math.max(...all(plain.train).map(({ targets }) => targets.length)))
  expect(all(packed.dev)).toEqual(all(plain.dev))
})

describe('refuses', () => {
  const refusal = (changed: Partial<SetsRequest>, room = 48) =>
    sampleSets({ ...run, ...changed }, room).then(
      () => undefined,
      (error) => error as InputError,
    )

  test('limits beyond the context window, with both numbers', async () => {
    const error = await refusal({}, 47)
    expect(error).toBeInstanceOf(InputError)
    expect(error).toMatchObject({ code: 'invalid_training_data' })
    expect(error!.message).toContain('is 48 tokens')
    expect(error!.message).toContain('leaves 47')
  })

  test('an empty training set', async () => {
    expect(await refusal({ train: [] })).toMatchObject({
      code: 'invalid_training_data',
      message: 'the training set has no conversations',
    })
  })

  test('a conversation without a reply, and says which one', async () => {
    const silent = [{ role: 'user' as const, content: 'Hello?' }]
    const error = await refusal({ train: [talk('1?', 'one'), silent] })
    expect(error).toMatchObject({ code: 'invalid_training_data' })
    expect(error!.message).toMatch(/^train conversation 2: a conversation without an assistant turn/)
  })
})
