import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { llamaReference } from '../../test/reference/load.ts'
import { temporary } from '../tiny.case.ts'
import { openModel } from './open.ts'

const { root, remove } = temporary()
afterAll(remove)
const file = join(root, 'config.json')
const whole = JSON.parse(
  readFileSync(join(llamaReference('llama').directory, 'config.json'), 'utf8'),
) as object

/** Opens the reference's config after a change; undefined takes a key away. */
const open = (changed: object) => {
  writeFileSync(file, JSON.stringify({ ...whole, ...changed }))
  return openModel(root)
}

test('a model has the sizes of its config', () => {
  expect(open({})).toMatchObject({
    type: 'llama',
    layers: 3,
    hidden: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    vocabulary: 160,
    maxPositions: 256,
  })
})

test('absent sizes follow from others, as in transformers', () => {
  expect(open({ num_key_value_heads: undefined, head_dim: null })).toMatchObject({ kvHeads: 4, headDim: 16 })
  expect(open({ max_position_embeddings: undefined }).maxPositions).toBe(2048)
})

test('the rotary base is read from where old and new configs keep it', () => {
  const angle = (changed: object) => Math.acos(open(changed).rope(2).cos[8 + 1]!) // position 1, pair 1
  expect(angle({})).toBeCloseTo(10_000 ** (-2 / 16), 4)
  expect(angle({ rope_parameters: { rope_theta: 500_000 } })).toBeCloseTo(500_000 ** (-2 / 16), 4)
  expect(angle({ rope_parameters: undefined, rope_theta: 1_000_000 })).toBeCloseTo(1_000_000 ** (-2 / 16), 4)
})

describe('a config is refused by file and key', () => {
  test.each([
    ['an unknown architecture', { model_type: 'mamba' }, 'model_type "mamba" is not known; known: llama'],
    ['no architecture', { model_type: undefined }, 'model_type'],
    ['scaled rotary positions', { rope_scaling: { factor: 8 } }, 'rope_scaling is {"factor":8}: '],
    [
      'scaled rotary parameters',
      { rope_parameters: { rope_type: 'yarn' } },
      'rope_parameters.rope_type is "yarn": ',
    ],
    ['biases in attention', { attention_bias: true }, 'attention_bias is true: '],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act is "gelu": Invalid input: expected "silu"'],
    ['a missing size', { hidden_size: undefined }, 'hidden_size is missing: '],
    ['a size that is no number', { vocab_size: '160' }, 'vocab_size is "160": '],
    ['heads that do not share evenly', { num_key_value_heads: 3 }, 'num_key_value_heads is 3: must divide'],
    ['heads of an odd size', { head_dim: 15 }, 'head_dim is 15: must be even'],
    ['a hidden size that no heads make', { hidden_size: 66, head_dim: null }, 'head_dim is null: must be'],
  ])('%s', (_, changed, message) => {
    expect(() => open(changed)).toThrow(message)
    expect(() => open(changed)).toThrow(file)
  })

  test('all its problems at once', () => {
    expect(() => open({ hidden_act: 'gelu', mlp_bias: true })).toThrow(/hidden_act is .*; mlp_bias is /)
  })
})
