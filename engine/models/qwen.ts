/** Qwen2 and 2.5: Llama with biases on queries, keys and values. Qwen3: norms on queries and keys instead. */
import { z } from 'zod'
import { silu } from '../graph/build.ts'
import { count, headsFit, neutral, ropeKeys, ropeOf, sizeKeys } from './config.ts'
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
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads
  return llamaLike({ ...shared(config, headDim), type: 'qwen2', bias: { qkv: true } })
}

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function qwen3(json: unknown): Model {
  const config = Qwen3Config.parse(json)
  const { attention_bias: biased } = config
  const bias = { qkv: biased, output: biased }
  return llamaLike({ ...shared(config, config.head_dim), type: 'qwen3', bias, qkNorm: true })
}

const shared = (config: z.infer<typeof Qwen2Config>, headDim: number) => ({
  layers: config.num_hidden_layers,
  hidden: config.hidden_size,
  intermediate: config.intermediate_size,
  heads: config.num_attention_heads,
  kvHeads: config.num_key_value_heads,
  headDim,
  vocabulary: config.vocab_size,
  maxPositions: config.max_position_embeddings,
  eps: config.rms_norm_eps,
  rope: ropeOf(config, headDim),
  tied: config.tie_word_embeddings,
  activation: silu,
})
