/** `node scripts/fake-checkpoint.ts SHAPE DIRECTORY`: a model's real shapes with random weights, for trying sizes out. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openModel } from '../engine/models/open.ts'
import { weightShapes } from '../engine/models/weight-shapes.ts'
import { Random } from '../engine/random.ts'
import { byteLength } from '../engine/weights/dtype.ts'
import { encodeHeader } from '../engine/weights/safetensors.ts'

/** What the published config.json of each says about its shape. */
export const shapes = {
  'chatglm3-6b': {
    model_type: 'chatglm',
    num_layers: 28,
    hidden_size: 4096,
    ffn_hidden_size: 13696,
    num_attention_heads: 32,
    kv_channels: 128,
    multi_query_attention: true,
    multi_query_group_num: 2,
    padded_vocab_size: 65024,
    seq_length: 8192,
    layernorm_epsilon: 1e-5,
    add_bias_linear: false,
    add_qkv_bias: true,
    tie_word_embeddings: false,
    eos_token_id: 2,
    pad_token_id: 0,
    torch_dtype: 'float16',
  },
  'gemma-2b': {
    model_type: 'gemma',
    num_hidden_layers: 18,
    hidden_size: 2048,
    intermediate_size: 16384,
    num_attention_heads: 8,
    num_key_value_heads: 1,
    head_dim: 256,
    vocab_size: 256000,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    hidden_act: 'gelu',
    hidden_activation: 'gelu_pytorch_tanh',
    torch_dtype: 'float16',
  },
  'llama-2-7b': {
    model_type: 'llama',
    num_hidden_layers: 32,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    vocab_size: 32000,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    torch_dtype: 'float16',
  },
} as const
export type ShapeName = keyof typeof shapes

const shardBytes = 2e9 // as the published shards, rounded

/** Writes config.json and float16 shards with an index. Norms are 1, other weights N(0, 0.02²), drawn once and repeated. */
export function writeFakeCheckpoint(config: object, directory: string): { weights: number; bytes: number } {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  const tensors = [...weightShapes(openModel(directory))]
  const sizes = new Map(tensors.map(([name, dims]) => [name, dims.reduce((n, d) => n * d, 1)]))

  const shards: (typeof tensors)[] = [[]]
  let filled = 0
  for (const tensor of tensors) {
    const bytes = byteLength('F16', sizes.get(tensor[0])!)
    if (filled > 0 && filled + bytes > shardBytes) {
      shards.push([])
      filled = 0
    }
    shards.at(-1)!.push(tensor)
    filled += bytes
  }

  const random = new Random(1).normal(2 ** 20, 0.02)
  const noise = new Uint8Array(Float16Array.from(random).buffer)
  const ones = new Uint8Array(Float16Array.from({ length: 2 ** 16 }, () => 1).buffer)
  const weightMap: Record<string, string> = {}
  const number = (n: number) => String(n).padStart(5, '0')
  for (const [i, shard] of shards.entries()) {
    const file = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`
    const fd = openSync(join(directory, file), 'w')
    writeSync(fd, encodeHeader(shard.map(([name, shape]) => [name, { dtype: 'F16', shape }])))
    for (const [name, dims] of shard) {
      weightMap[name] = file
      repeat(fd, dims.length === 1 ? ones : noise, byteLength('F16', sizes.get(name)!))
    }
    closeSync(fd)
  }
  const weights = [...sizes.values()].reduce((n, size) => n + size, 0)
  const bytes = byteLength('F16', weights)
  const index = { metadata: { total_size: bytes }, weight_map: weightMap }
  writeFileSync(join(directory, 'model.safetensors.index.json'), `${JSON.stringify(index, null, 2)}\n`)
  return { weights, bytes }
}

function repeat(fd: number, block: Uint8Array, length: number): void {
  for (let left = length; left > 0; left -= block.length)
    writeSync(fd, block, 0, Math.min(left, block.length))
}

if (import.meta.main) {
  const [shape = '', directory] = process.argv.slice(2)
  if (!Object.hasOwn(shapes, shape) || !directory) {
    console.error(`usage: node scripts/fake-checkpoint.ts ${Object.keys(shapes).join('|')} DIRECTORY`)
    process.exitCode = 2
  } else {
    const { weights, bytes } = writeFakeCheckpoint(shapes[shape as ShapeName], directory)
    console.log(`${directory}: ${weights.toLocaleString('en')} weights, ${(bytes / 1e9).toFixed(2)} GB`)
  }
}
