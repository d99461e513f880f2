/** ChatGLM2 and ChatGLM3: fused projections, rotary positions on half of each head, and prefixes that take no position. */
import { z } from 'zod'
import { mul, rmsNorm, silu, slice } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import { count, only } from './config.ts'
import { type Binding, type Model, project, rowsOf } from './model.ts'
import { transformer } from './transformer.ts'

/** Keys that would change the arithmetic hold their only implemented value: another one is an error, never ignored. */
const Config = z
  .object({
    num_layers: count,
    hidden_size: count,
    ffn_hidden_size: count,
    num_attention_heads: count,
    kv_channels: count,
    multi_query_attention: z.boolean().default(false),
    multi_query_group_num: count.default(1),
    padded_vocab_size: count,
    seq_length: count.default(2048),
    layernorm_epsilon: z.number().positive().default(1e-5),
    add_qkv_bias: z.boolean().default(false),
    /** Factor on the rotary base. */
    rope_ratio: z.number().positive().default(1),
    tie_word_embeddings: only(false),
    rmsnorm: only(true),
    post_layer_norm: only(true),
    add_bias_linear: only(false),
    apply_residual_connection_post_layernorm: only(false),
    interleaved_qkv: only(false),
    original_rope: only(true),
    attention_dropout: only(0),
    hidden_dropout: only(0),
    quantization_bit: only(0),
    pre_seq_len: z.null({ error: 'a base that holds a prefix is not implemented' }).optional(),
  })
  .refine((c) => c.num_attention_heads % groups(c) === 0, {
    path: ['multi_query_group_num'],
    error: 'must divide num_attention_heads',
  })
  .refine((c) => c.kv_channels % 4 === 0, {
    path: ['kv_channels'],
    error: 'must be divisible by 4 (rotary positions turn pairs in half of each head)',
  })

type Groups = { multi_query_attention: boolean; multi_query_group_num: number; num_attention_heads: number }
const groups = (c: Groups) => (c.multi_query_attention ? c.multi_query_group_num : c.num_attention_heads)

/** @throws ZodError when the config lacks a key or asks for arithmetic that is not implemented */
export function chatglm(json: unknown): Model {
  const config = Config.parse(json)
  const { hidden_size: H, ffn_hidden_size: F, num_attention_heads: heads, kv_channels: d } = config
  const V = config.padded_vocab_size
  const kvHeads = groups(config)
  const [queries, keys] = [heads * d, kvHeads * d]

  return transformer({
    type: 'chatglm',
    layers: config.num_layers,
    hidden: H,
    heads,
    kvHeads,
    headDim: d,
    vocabulary: V,
    maxPositions: config.seq_length,
    rope: { width: d / 2, theta: 10_000 * config.rope_ratio, interleaved: true },
    positionRule: 'from_zero',
    embedding: (b) => rowsOf(b, 'transformer.embedding.word_embeddings.weight', [V, H]),
    layer: (index) => `transformer.encoder.layers.${index}`,
    norm: (b, x, name) => rmsNorm(x, b.weight(`${name}.weight`, [H]), config.layernorm_epsilon),
    finalNorm: 'transformer.encoder.final_layernorm',

    qkv(b, x, layer) {
      const module = { name: `${layer}.self_attention.query_key_value`, in: H, out: queries + 2 * keys }
      const fused = project(b, x, module, { bias: config.add_qkv_bias })
      return {
        q: slice(fused, 1, 0, queries),
        k: slice(fused, 1, queries, keys),
        v: slice(fused, 1, queries + keys, keys),
      }
    },

    attentionOutput: (b, context, layer) =>
      project(b, context, { name: `${layer}.self_attention.dense`, in: queries, out: H }),

    mlp(b: Binding, x: Node, layer: string) {
      const ab = project(b, x, { name: `${layer}.mlp.dense_h_to_4h`, in: H, out: 2 * F }) // (N, 2F)
      const gated = mul(silu(slice(ab, 1, 0, F)), slice(ab, 1, F, F))
      return project(b, gated, { name: `${layer}.mlp.dense_4h_to_h`, in: F, out: H })
    },

    logits: (b, hidden) =>
      project(b, hidden, { name: 'transformer.output_layer', in: H, out: V, head: true }),
  })
}
