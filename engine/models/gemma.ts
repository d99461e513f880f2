/** Gemma 1: Llama's blocks with 1 + w norms, a GELU gate, scaled embeddings and the embedding as head. */
import { z } from 'zod'
import { gelu } from '../graph/build.ts'
import { count, headsFit, neutral, ropeKeys, ropeOf, sizeKeys, sizesOf } from './config.ts'
import { llamaLike } from './llama-like.ts'
import type { Model } from './model.ts'

const Config = z
  .object({
    ...neutral,
    ...sizeKeys,
    ...ropeKeys,
    num_key_value_heads: count.default(16),
    head_dim: count.default(256),
    max_position_embeddings: count.default(8192),
    tie_word_embeddings: z.boolean().default(true),
    // Published configs say "gelu" and mean the tanh form, as transformers read them; `hidden_activation` says it.
    hidden_act: z.enum(['gelu', 'gelu_pytorch_tanh']).default('gelu_pytorch_tanh'),
    hidden_activation: z.literal('gelu_pytorch_tanh').nullish(),
    attention_bias: z.boolean().default(false),
    use_bidirectional_attention: z.literal(false).nullish(),
  })
  .superRefine(headsFit)

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function gemma(json: unknown): Model {
  const config = Config.parse(json)
  return llamaLike({
    ...sizesOf(config),
    type: 'gemma',
    rope: ropeOf(config, config.head_dim),
    activation: gelu,
    bias: { qkv: config.attention_bias, output: config.attention_bias },
    unitOffset: true,
    embeddingScale: Math.sqrt(config.hidden_size),
  })
}
