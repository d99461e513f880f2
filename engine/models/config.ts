/** What the families' config.json have in common. */
import { z } from 'zod'
import type { Rope, RopeScaling } from '../nn/rope.ts'

export const count = z.number().int().positive()

/** A key that may be missing or null, or hold what changes nothing: its only implemented value. */
export const only = <T extends z.util.Literal>(value: T) => z.literal(value).nullish()
const absent = z.null().optional()

/** Keys that would change the arithmetic of any family, here with the values that do not. */
export const neutral = {
  attention_dropout: only(0),
  quantization_config: absent,
  attn_logit_softcapping: absent,
  final_logit_softcapping: absent,
  /** Of each layer, as transformers 5 writes it. */
  layer_types: z.array(z.literal('full_attention')).nullish(),
}

/** Rotary positions, as configs before transformers 5 spell them (`rope_theta`, `rope_scaling`) and those after. */
const kinds = ['default', 'linear', 'llama3'] as const
const RopeParameters = z
  .object({
    rope_theta: z.number().positive().optional(),
    rope_type: z.enum(kinds).optional(),
    type: z.enum(kinds).optional(),
    factor: z.number().positive().optional(),
    low_freq_factor: z.number().positive().optional(),
    high_freq_factor: z.number().positive().optional(),
    original_max_position_embeddings: count.optional(),
    partial_rotary_factor: only(1),
  })
  .transform((given, context): { theta?: number; scaling?: RopeScaling } => {
    const { rope_theta: theta, rope_type, type = rope_type, factor } = given
    const { low_freq_factor, high_freq_factor, original_max_position_embeddings } = given
    const lacks = (keys: string) => {
      context.addIssue({ code: 'custom', message: `lacks ${keys}` })
      return z.NEVER
    }
    switch (type) {
      case undefined:
        return factor === undefined ? { theta } : lacks('rope_type, which says what its factor means')
      case 'default':
        return { theta }
      case 'linear':
        return factor === undefined ? lacks('factor') : { theta, scaling: { type, factor } }
      case 'llama3':
        if (!factor || !low_freq_factor || !high_freq_factor || !original_max_position_embeddings)
          return lacks(
            'one of factor, low_freq_factor, high_freq_factor and original_max_position_embeddings',
          )
        return {
          theta,
          scaling: {
            type,
            factor,
            lowFreqFactor: low_freq_factor,
            highFreqFactor: high_freq_factor,
            originalLength: original_max_position_embeddings,
          },
        }
    }
  })
  .nullish()

export const ropeKeys = {
  rope_theta: z.number().positive().nullish(),
  rope_scaling: RopeParameters,
  rope_parameters: RopeParameters,
  partial_rotary_factor: only(1),
}
type RopeKeys = z.infer<z.ZodObject<typeof ropeKeys>>

/** Llama's rotary positions: the whole head, in two halves. */
export const ropeOf = (config: RopeKeys, width: number): Rope => ({
  width,
  theta: config.rope_parameters?.theta ?? config.rope_theta ?? config.rope_scaling?.theta ?? 10_000,
  scaling: config.rope_parameters?.scaling ?? config.rope_scaling?.scaling,
  interleaved: false,
})

/** Sizes by the names that Llama gave them, and that most follow. */
export const sizeKeys = {
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  vocab_size: count,
  rms_norm_eps: z.number().positive().default(1e-6),
}
type SizeKeys = z.infer<z.ZodObject<typeof sizeKeys>>

/** The sizes that a config gives by these names, by ours. */
export const sizesOf = (
  config: SizeKeys & { max_position_embeddings: number; tie_word_embeddings: boolean },
) => ({
  layers: config.num_hidden_layers,
  hidden: config.hidden_size,
  intermediate: config.intermediate_size,
  heads: config.num_attention_heads,
  kvHeads: config.num_key_value_heads ?? config.num_attention_heads,
  headDim: config.head_dim ?? config.hidden_size / config.num_attention_heads,
  vocabulary: config.vocab_size,
  maxPositions: config.max_position_embeddings,
  eps: config.rms_norm_eps,
  tied: config.tie_word_embeddings,
})

/** Refines a config whose heads cannot be shared evenly, or turned in pairs. */
export function headsFit(config: SizeKeys, context: z.RefinementCtx): void {
  const { hidden_size: H, num_attention_heads: heads } = config
  const { num_key_value_heads: kvHeads, head_dim: d } = config
  const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
  if (heads % (kvHeads ?? heads) !== 0) wrong('num_key_value_heads', 'must divide num_attention_heads')
  if ((d ?? H / heads) % 2 !== 0)
    wrong(
      'head_dim',
      'must be even (rotary positions turn pairs); absent, it is hidden_size / num_attention_heads',
    )
}
