import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { llamaReference } from '../../test/reference/load.ts'
import { ropeTables } from '../nn/rope.ts'
import { temporary } from '../tiny.case.ts'
import { openModel } from './open.ts'

const { root, remove } = temporary()
afterAll(remove)
const file = join(root, 'config.json')
const whole = JSON.parse(
  readFileSync(join(llamaReference('llama').directory, 'config.json'), 'utf8'),
) as object

const chatglm = {
  model_type: 'chatglm',
  num_layers: 2,
  hidden_size: 64,
  ffn_hidden_size: 96,
  num_attention_heads: 4,
  kv_channels: 16,
  multi_query_attention: true,
  multi_query_group_num: 2,
  padded_vocab_size: 160,
}
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
  const angle = (changed: object) => Math.acos(ropeTables(open(changed).rope, 2).cos[8 + 1]!) // position 1, pair 1
  expect(angle({})).toBeCloseTo(10_000 ** (-2 / 16), 4)
  expect(angle({ rope_parameters: { rope_theta: 500_000 } })).toBeCloseTo(500_000 ** (-2 / 16), 4)
  expect(angle({ rope_parameters: undefined, rope_theta: 1_000_000 })).toBeCloseTo(1_000_000 ** (-2 / 16), 4)
})

describe('a config is refused by file and key', () => {
  test.each([
    [
      'an unknown architecture',
      { model_type: 'mamba' },
      'model_type "mamba" is not known; known: chatglm, gemma, llama,',
    ],
    ['no architecture', { model_type: undefined }, 'model_type'],
    ['scaled rotary positions', { rope_scaling: { factor: 8 } }, 'rope_scaling is {"factor":8}: '],
    [
      'scaled rotary parameters',
      { rope_parameters: { rope_type: 'yarn' } },
      'rope_parameters.rope_type is "yarn": ',
    ],
    [
      'a factor of nobody knows what',
      { rope_scaling: { factor: 8, rope_type: 'llama3' } },
      'lacks one of factor, low_freq_factor,',
    ],
    ['a stretch not known', { rope_scaling: { type: 'yarn' } }, 'rope_scaling.type is "yarn": '],
    ['a sliding window', { sliding_window: 128 }, 'sliding_window is 128: '],
    [
      'a sliding window in some layers',
      { layer_types: ['full_attention', 'sliding_attention'] },
      'layer_types.1 is "sliding_attention": ',
    ],
    [
      'the window that Mistral has unless told otherwise',
      { model_type: 'mistral', max_position_embeddings: 8192 },
      'sliding_window is missing: ',
    ],
    ['a window in use', { model_type: 'qwen2', use_sliding_window: true }, 'use_sliding_window is true: '],
    ['quantised weights', { quantization_config: { bits: 4 } }, 'quantization_config is {"bits":4}: '],
    ['a rotation of part of the head', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5: '],
    [
      'the exact GELU in Gemma',
      { model_type: 'gemma', hidden_act: 'gelu', hidden_activation: 'gelu' },
      'hidden_activation is "gelu": ',
    ],
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

  test.each([
    ['biases in all its linear maps', { add_bias_linear: true }, 'add_bias_linear is true: '],
    ['weights of 4 bits', { quantization_bit: 4 }, 'quantization_bit is 4: '],
    ['a prefix of its own', { pre_seq_len: 128 }, 'pre_seq_len is 128: '],
    [
      'groups that do not share evenly',
      { multi_query_group_num: 3 },
      'multi_query_group_num is 3: must divide',
    ],
    ['LayerNorm', { rmsnorm: false }, 'rmsnorm is false: '],
  ])('ChatGLM with %s', (_, changed, message) => {
    writeFileSync(file, JSON.stringify({ ...chatglm, ...changed }))
    expect(() => openModel(root)).toThrow(message)
  })

  test('all its problems at once', () => {
    expect(() => open({ hidden_act: 'gelu', mlp_bias: 1 })).toThrow(/hidden_act is .*; mlp_bias is /)
  })
})
