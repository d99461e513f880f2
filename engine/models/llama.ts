/** The Llama family: RMSNorm, rotary positions, grouped-query attention, SwiGLU, tied or untied head. */
import { z } from 'zod'
import { add, gather, mul, reshape, rmsNorm, silu } from '../graph/build.ts'
import { sizeOf } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import { attention, type KeyValue } from '../nn/attention.ts'
import { linear } from '../nn/linear.ts'
import { ropeTables } from '../nn/rope.ts'
import type { Binding, Model, Step } from './model.ts'

const positive = z.number().int().positive()
/** Keys that would change the arithmetic hold their only implemented value: another one is an error, never ignored. */
const Config = z
  .object({
    hidden_size: positive,
    intermediate_size: positive,
    num_hidden_layers: positive,
    num_attention_heads: positive,
    num_key_value_heads: positive.nullish(),
    head_dim: positive.nullish(),
    vocab_size: positive,
    max_position_embeddings: positive.default(2048),
    rms_norm_eps: z.number().positive().default(1e-6),
    rope_theta: z.number().positive().nullish(),
    rope_parameters: z
      .object({
        rope_theta: z.number().positive().optional(),
        rope_type: z.literal('default').default('default'),
      })
      .nullish(),
    tie_word_embeddings: z.boolean().default(false),
    hidden_act: z.literal('silu').default('silu'),
    rope_scaling: z.null().optional(),
    attention_bias: z.literal(false).default(false),
    mlp_bias: z.literal(false).default(false),
  })
  .refine(({ num_attention_heads: heads, num_key_value_heads: kv }) => heads % (kv ?? heads) === 0, {
    path: ['num_key_value_heads'],
    error: 'must divide num_attention_heads',
  })
  .refine(({ hidden_size: H, num_attention_heads: heads, head_dim: d }) => (d ?? H / heads) % 2 === 0, {
    path: ['head_dim'],
    error: 'must be even (rotary positions turn pairs); absent, it is hidden_size / num_attention_heads',
  })

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function llama(json: unknown): Model {
  const config = Config.parse(json)
  const { hidden_size: H, intermediate_size: F, num_attention_heads: heads, vocab_size: V } = config
  const kvHeads = config.num_key_value_heads ?? heads
  const d = config.head_dim ?? H / heads
  const theta = config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000
  const norm = (b: Binding, x: Node, name: string) =>
    rmsNorm(x, b.weight(`${name}.weight`, [H]), config.rms_norm_eps)
  const embedding = (b: Binding) => b.weight('model.embed_tokens.weight', [V, H])

  /** x is (B·T, H). */
  function block(b: Binding, layer: number, x: Node, step: Step): { x: Node; rows: KeyValue } {
    const name = `model.layers.${layer}`
    const project = (h: Node, part: string, out: number, width = H) =>
      linear(h, b.weight(`${name}.${part}_proj.weight`, [out, width]))

    const a = norm(b, x, `${name}.input_layernorm`)
    const { context, rows } = attention(
      {
        q: project(a, 'self_attn.q', heads * d), // (B·T, heads·d)
        k: project(a, 'self_attn.k', kvHeads * d), // (B·T, kvHeads·d)
        v: project(a, 'self_attn.v', kvHeads * d),
      },
      { heads, kvHeads, headDim: d },
      { ...step, interleaved: false },
      step.mask,
      b.past?.(layer, step.tokens.shape[0]!),
    )
    const attended = add(x, project(context, 'self_attn.o', H, heads * d))

    const m = norm(b, attended, `${name}.post_attention_layernorm`)
    const gated = mul(silu(project(m, 'mlp.gate', F)), project(m, 'mlp.up', F)) // (B·T, F)
    return { x: add(attended, project(gated, 'mlp.down', H, F)), rows }
  }

  return {
    type: 'llama',
    layers: config.num_hidden_layers,
    hidden: H,
    heads,
    kvHeads,
    headDim: d,
    vocabulary: V,
    maxPositions: config.max_position_embeddings,
    rope: (positions) => ropeTables(positions, d, theta),

    forward(b, step) {
      let x = gather(embedding(b), reshape(step.tokens, [sizeOf(step.tokens.shape)])) // (B·T, H)
      const rows: KeyValue[] = []
      for (let layer = 0; layer < config.num_hidden_layers; layer++) {
        const out = block(b, layer, x, step)
        x = out.x
        rows.push(out.rows)
      }
      return { hidden: norm(b, x, 'model.norm'), rows }
    },

    logits: (b, hidden) =>
      linear(hidden, config.tie_word_embeddings ? embedding(b) : b.weight('lm_head.weight', [V, H])),
  }
}
