/** A prefix as ChatGLM2's and ChatGLM3's own P-Tuning scripts keep it, in and out. */
import { join } from 'node:path'
import { z } from 'zod'
import { input, tanh } from '../graph/build.ts'
import type { Model } from '../models/model.ts'
import { affine } from '../nn/linear.ts'
import { Session } from '../runtime/session.ts'
import { fromFloat32, isFloatDtype } from '../weights/dtype.ts'
import { readBytes, readTensor, type StoredTensor, type TensorEntry } from '../weights/safetensors.ts'
import { readTorchHeader } from '../weights/torch-file.ts'
import { chatglmBin, chatglmConfig, readForeign } from './foreign-files.ts'

/** What their prefix encoder is called in a checkpoint. */
export const encoderName = 'transformer.prefix_encoder.'

const Count = z.number().int().positive()
const Config = z.looseObject({
  pre_seq_len: Count,
  prefix_projection: z.boolean().default(false),
  num_layers: Count,
  num_attention_heads: Count,
  kv_channels: Count,
  multi_query_attention: z.boolean().default(false),
  multi_query_group_num: Count.default(1),
})

/**
 * The rows (P, layers · 2 · kvHeads · headDim) that a `pytorch_model.bin` with its `config.json` holds. The layout is
 * PEFT's, so rows are taken byte by byte; with `prefix_projection` they are what the encoder's MLP makes.
 * @throws an Error that names the file, the key and both numbers when they are no prefix for this base
 */
export async function readChatglmPrefix(model: Model, directory: string): Promise<StoredTensor> {
  const [config, bin] = [join(directory, chatglmConfig), join(directory, chatglmBin)]
  if (model.type !== 'chatglm')
    throw new Error(
      `${bin}: a prefix of ChatGLM's scripts needs a chatglm base model, this one is ${model.type}`,
    )
  const sizes = readForeign(config, Config)
  const kvHeads = sizes.multi_query_attention ? sizes.multi_query_group_num : sizes.num_attention_heads
  const fits = (key: string, got: number, wanted: number) => {
    if (got !== wanted) throw new Error(`${config}: ${key} is ${got}, the base model needs ${wanted}`)
  }
  fits('num_layers', sizes.num_layers, model.layers)
  fits('kv_channels', sizes.kv_channels, model.headDim)
  fits('multi_query_group_num', kvHeads, model.kvHeads)

  const tokens = sizes.pre_seq_len
  const width = model.layers * 2 * kvHeads * model.headDim
  const take = takeFrom(bin)
  const embedding = take('embedding.weight', [tokens, width])
  if (!sizes.prefix_projection) {
    take.end('prefix_projection is false')
    return { dtype: embedding.dtype, shape: embedding.shape, bytes: readBytes(embedding) }
  }
  const inner = take('trans.0.weight', [undefined, width])
  const hidden = inner.shape[0]!
  const encoder = {
    embedding,
    'trans.0.weight': inner,
    'trans.0.bias': take('trans.0.bias', [hidden]),
    'trans.2.weight': take('trans.2.weight', [width, hidden]),
    'trans.2.bias': take('trans.2.bias', [width]),
  }
  take.end('prefix_projection is true')
  const rows = await evaluate(encoder)
  return { dtype: 'F32', shape: [tokens, width], bytes: fromFloat32('F32', rows) }
}

/** Gives the encoder's tensors one by one, checked for their shape; `end` refuses those that nobody asked for. */
function takeFrom(bin: string) {
  const tensors = readTorchHeader(bin)
  function take(part: string, shape: readonly (number | undefined)[]): TensorEntry {
    const name = encoderName + part
    const entry = tensors.get(name)
    if (!entry) throw new Error(`${bin}: ${name} is missing; there are: ${[...tensors.keys()].slice(0, 5)}`)
    if (!isFloatDtype(entry.dtype)) throw new Error(`${bin}: ${name} is ${entry.dtype}, expected floats`)
    const wanted = shape.map((size, i) => size ?? entry.shape[i])
    if (entry.shape.join() !== wanted.join())
      throw new Error(`${bin}: ${name} is [${entry.shape}], ${chatglmConfig} asks for [${wanted}]`)
    tensors.delete(name)
    return entry
  }
  take.end = (why: string) => {
    const [left] = tensors.keys()
    if (left !== undefined) throw new Error(`${bin}: ${left} is no part of a prefix whose ${why}`)
  }
  return take
}

type Encoder = Record<
  'embedding' | 'trans.0.weight' | 'trans.0.bias' | 'trans.2.weight' | 'trans.2.bias',
  TensorEntry
>

/** W₂ · tanh(W₁ · embedding + b₁) + b₂. */
async function evaluate(encoder: Encoder): Promise<Float32Array> {
  const x = (name: keyof Encoder) => input(name, encoder[name].shape)
  const inner = tanh(affine(x('embedding'), x('trans.0.weight'), x('trans.0.bias'))) // (P, hidden)
  const rows = affine(inner, x('trans.2.weight'), x('trans.2.bias')) // (P, width)
  await using session = await Session.open({ rows })
  const feeds = Object.entries(encoder).map(
    ([name, entry]) => [name, { data: readTensor(entry), shape: entry.shape }] as const,
  )
  return (await session.run(Object.fromEntries(feeds))).rows.data as Float32Array
}
