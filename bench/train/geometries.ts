/** Models with random weights, and what a step of theirs sees. */
import { join } from 'node:path'
import { Random } from '../../engine/random.ts'
import type { TokenSample } from '../../engine/training/batch.ts'
import { writeInitialCheckpoint } from '../../engine/weights/initial.ts'

export type Geometry = {
  /** Its config.json. */
  config: { vocab_size: number } & Record<string, unknown>
  batch: number
  time: number
  virtualTokens: number
  /** The model in words. */
  words: string
}

// Spelled out, so that nobody's defaults decide.
const common = {
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  max_position_embeddings: 2048,
  torch_dtype: 'float32',
}
const step = { batch: 4, time: 256, virtualTokens: 128 }

/** Heads of 64, of which four share a KV head; FFN 2.75 times as wide as the model. */
function llama(hidden: number, layers: number, sizes: Omit<Geometry, 'config' | 'words'>): Geometry {
  const [heads, kvHeads, ffn, vocabulary] = [hidden / 64, hidden / 256, 2.75 * hidden, 8000]
  const config = {
    ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu' },
    ...{ hidden_size: hidden, intermediate_size: ffn, num_hidden_layers: layers },
    ...{ num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: 64 },
    ...{ vocab_size: vocabulary, tie_word_embeddings: false },
    ...common,
  }
  const words = `Llama, hidden ${hidden}, ${layers} layers, ${heads} heads, ${kvHeads} KV heads, FFN ${ffn}, vocabulary ${vocabulary}`
  return { ...sizes, config, words }
}

const gemma: Geometry = {
  ...step,
  config: {
    ...{ architectures: ['GemmaForCausalLM'], model_type: 'gemma', hidden_activation: 'gelu_pytorch_tanh' },
    ...{ hidden_size: 512, intermediate_size: 4096, num_hidden_layers: 8 },
    ...{ num_attention_heads: 4, num_key_value_heads: 1, head_dim: 128 },
    ...{ vocab_size: 32_000, tie_word_embeddings: true },
    ...common,
  },
  words: 'Gemma, hidden 512, 8 layers, 4 heads of 128, 1 KV head, FFN 4096, vocabulary 32000, tied',
}

export const geometries = {
  'llama-512x8': llama(512, 8, step),
  'llama-1024x12': llama(1024, 12, step),
  'gemma-512x8': gemma,
  /** Long and deep, where activations are most of the memory. */
  'llama-512x16': llama(512, 16, { ...step, time: 512 }),
} as const satisfies Record<string, Geometry>
export type GeometryName = keyof typeof geometries

export const describe = ({ words, batch, time, virtualTokens }: Geometry): string =>
  `${words}; ${batch} × ${time} tokens, half of them labelled, ${virtualTokens} virtual tokens`

/** The geometry's model with random weights, as a Hugging Face directory. */
export const writeBase = (directory: string, { config }: Geometry): void =>
  writeInitialCheckpoint(join(directory, 'base'), config, 1)

/** One batch of random tokens; the second half of each row is the reply. */
export function samplesOf({ config, batch, time }: Geometry): TokenSample[] {
  const random = new Random(2)
  return Array.from({ length: batch }, () => ({
    tokens: Array.from({ length: time }, () => random.below(config.vocab_size)),
    targets: Array.from({ length: time / 2 }, (_, i) => time / 2 + i),
  }))
}
