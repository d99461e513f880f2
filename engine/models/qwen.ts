/** Qwen2 and 2.5: Llama with biases on queries, keys and values. Qwen3: norms on queries and keys instead. */
import { z } from 'zod'
import { silu } from '../graph/build.ts'
import { count, headsFit, neutral, ropeKeys, ropeOf, sizeKeys, sizesOf } from './config.ts'
import { llamaLike } from './llama-like.ts'
import type { Model } from './model.ts'

const keys = {
  ...neutral,
  ...sizeKeys,
  ...ropeKeys,
  num_key_value_heads: count.default(32),
  max_position_embeddings: count.default(32768),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.literal('silu').default('silu'),
  /** Published configs name a window and do not use it. */
  use_sliding_window: z.literal(false).nullish(),
}
const Qwen2Config = z.object(keys).superRefine(headsFit)
const Qwen3Config = z
  .object({ ...keys, head_dim: count.default(128), attention_bias: z.boolean().default(false) })
  .superRefine(headsFit)

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function qwen2(json: unknown): Model {
  const config = Qwen2Config.parse(json)
  const sizes = sizesOf(config)
  const rope = ropeOf(config, sizes.headDim)
  return llamaLike({ ...sizes, type: 'qwen2', rope, activation: silu, bias: { qkv: true } })
}

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function qwen3(json: unknown): Model {
  const config = Qwen3Config.parse(json)
  const { attention_bias: biased } = config
  return llamaLike({
    ...sizesOf(config),
    type: 'qwen3',
    rope: ropeOf(config, config.head_dim),
    activation: silu,
    bias: { qkv: biased, output: biased },
    qkNorm: true,
  })
}
