import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Decoder } from '../decoding/decoder.ts'
import { openModel } from '../models/open.ts'
import { temporary } from '../tiny.case.ts'
import { openCheckpoint } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import { writeInitialCheckpoint } from '../weights/initial.ts'
import { textRows } from './text-rows.ts'

const { root, remove } = temporary()
afterAll(remove)

const llama = {
  model_type: 'llama',
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 50,
  rope_theta: 100,
}
const chatglm = {
  model_type: 'chatglm',
  num_layers: 2,
  hidden_size: 32,
  ffn_hidden_size: 48,
  num_attention_heads: 4,
  kv_channels: 8,
  multi_query_attention: true,
  multi_query_group_num: 2,
  padded_vocab_size: 50,
  rope_ratio: 0.01,
}

test.each([
  ['after the prefix', llama],
  ['from zero', chatglm],
])('rows of a text stand for the text itself, where positions count %s', async (_, config) => {
  const directory = join(root, config.model_type)
  writeInitialCheckpoint(directory, config, 7)
  const model = openModel(directory)
  const base = { weight: frozen(openCheckpoint(directory)) }
  await using decoder = await Decoder.open(model, base)
  const [text, rest] = [
    [3, 1, 4, 1, 5],
    [9, 2, 6],
  ]
  const prefix = await textRows(model, base, text, 5)
  const behind = await decoder.read(decoder.start(prefix), rest)
  const whole = await decoder.read(decoder.start(), [...text, ...rest])
  for (const [i, logit] of whole.entries()) expect(behind[i]).toBeCloseTo(logit, 5)
})

test('a short text is repeated until it fills the rows', async () => {
  const directory = join(root, 'llama')
  const model = openModel(directory)
  const base = { weight: frozen(openCheckpoint(directory)) }
  expect(await textRows(model, base, [3, 1], 5)).toEqual(await textRows(model, base, [3, 1, 3, 1, 3], 5))
})
