/** Llamas with random weights, what is decoded with them, and how fast that has to be. */

export type Geometry = {
  /** Its config.json. */
  config: typeof common & {
    hidden_size: number
    intermediate_size: number
    num_hidden_layers: number
    num_attention_heads: number
    num_key_value_heads: number
    head_dim: number
  }
  /** The model in words. */
  words: string
  rows: readonly Row[]
}

/** Sequences that are decoded at a time, and the tokens that each has behind it. */
export type Row = {
  batch: number
  context: number
  /** What is asked of here: at least so many times the tokens/s of each peer. */
  bars: { 'transformers.js'?: number; 'llama.cpp'?: number }
}

// Spelled out, so that nobody's defaults decide.
const common = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu' },
  ...{ vocab_size: 32_000, tie_word_embeddings: false, rms_norm_eps: 1e-6, rope_theta: 10_000 },
  ...{ max_position_embeddings: 4096, torch_dtype: 'float16' },
}

export const geometries = {
  'llama-1024x16': {
    config: {
      ...common,
      ...{ hidden_size: 1024, intermediate_size: 2816, num_hidden_layers: 16 },
      ...{ num_attention_heads: 16, num_key_value_heads: 4, head_dim: 64 },
    },
    words: 'Llama, hidden 1024, 16 layers, 16 heads, 4 KV heads, FFN 2816, vocabulary 32000',
    rows: [
      { batch: 1, context: 128, bars: { 'llama.cpp': 0.6 } },
      { batch: 1, context: 1024, bars: { 'transformers.js': 1.8, 'llama.cpp': 0.85 } },
      { batch: 1, context: 3072, bars: {} },
      { batch: 8, context: 128, bars: {} },
      { batch: 8, context: 1024, bars: { 'transformers.js': 4, 'llama.cpp': 1 } },
      { batch: 8, context: 3072, bars: { 'llama.cpp': 1 } },
    ],
  },
  'llama-4096x8': {
    config: {
      ...common,
      ...{ hidden_size: 4096, intermediate_size: 11_008, num_hidden_layers: 8 },
      ...{ num_attention_heads: 32, num_key_value_heads: 32, head_dim: 128 },
    },
    words:
      'Llama with layers of a 7B, hidden 4096, 8 layers, 32 heads and KV heads, FFN 11008, vocabulary 32000',
    rows: [128, 1024, 3072].map((context) => ({ batch: 1, context, bars: { 'llama.cpp': 0.85 } })),
  },
} as const satisfies Record<string, Geometry>
export type GeometryName = keyof typeof geometries
