/** Llama 1 to 3, and Mistral and Yi, which have its shape. */
import { z } from 'zod'
import { silu } from '../graph/build.ts'
import { count, headsFit, neutral, ropeKeys, ropeOf, sizeKeys, sizesOf } from './config.ts'
import { llamaLike } from './llama-like.ts'
import type { Model } from './model.ts'

/** Keys that would change the arithmetic hold their only implemented value: another one is an error, never ignored. */
const Config = z
  .object({
    ...neutral,
    ...sizeKeys,
    ...ropeKeys,
    max_position_embeddings: count.default(2048),
    tie_word_embeddings: z.boolean().default(false),
    hidden_act: z.literal('silu').default('silu'),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    sliding_window: count.nullish(),
  })
  .superRefine(headsFit)
  .refine(({ sliding_window: window, max_position_embeddings: longest }) => !window || window >= longest, {
    path: ['sliding_window'],
    error: 'attention over a window shorter than max_position_embeddings is not implemented',
  })

/** Mistral's config, whose absent keys mean other values. */
export const mistral = (json: object): Model =>
  llama({ sliding_window: 4096, num_key_value_heads: 8, max_position_embeddings: 131_072, ...json })

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function llama(json: unknown): Model {
  const config = Config.parse(json)
  const sizes = sizesOf(config)
  return llamaLike({
    ...sizes,
    type: 'llama',
    rope: ropeOf(config, sizes.headDim),
    activation: silu,
    bias: { qkv: config.attention_bias, output: config.attention_bias, mlp: config.mlp_bias },
  })
}
