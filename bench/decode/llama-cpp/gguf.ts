/**
 * Writes a Llama of a Hugging Face directory as a GGUF file of float16 matrices and float32 vectors, without a tokenizer:
 * `gguf.ts BASE FILE`. Source: the format's own description, docs/gguf.md of https://github.com/ggml-org/ggml.
 *
 * Rows of q and k keep their order, where llama.cpp would pair the numbers of a head otherwise: of no account for speed.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../../engine/weights/checkpoint.ts'
import { readBytes, readTensor, type TensorEntry } from '../../../engine/weights/safetensors.ts'
import type { Geometry } from '../geometries.ts'

const [base, file] = process.argv.slice(2) as [string, string]
const alignment = 32 // the format's default
const valueTypes = { uint32: 4, float32: 6, string: 8 }
const tensorTypes = { float32: 0, float16: 1 }

const names: Record<string, string> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}

const config: Geometry['config'] = JSON.parse(readFileSync(join(base, 'config.json'), 'utf8'))
const tensors = [...openCheckpoint(base).tensors.values()].map((entry) => {
  const vector = entry.shape.length === 1
  const count = entry.shape.reduce((n, d) => n * d, 1)
  return { entry, vector, bytes: count * (vector ? 4 : 2) }
})

const fd = openSync(file, 'w')
writeAll(new Uint8Array(padded(header())))
for (const { entry, vector } of tensors) {
  if (!vector && entry.dtype !== 'F16') throw new Error(`${entry.file}: ${entry.name} is not float16`)
  writeAll(padded(vector ? new Uint8Array(readTensor(entry).slice().buffer) : readBytes(entry)))
}
closeSync(fd)

function header(): Buffer {
  const values = [
    string('general.architecture', 'llama'),
    uint32('llama.vocab_size', config.vocab_size),
    uint32('llama.context_length', config.max_position_embeddings),
    uint32('llama.embedding_length', config.hidden_size),
    uint32('llama.feed_forward_length', config.intermediate_size),
    uint32('llama.block_count', config.num_hidden_layers),
    uint32('llama.attention.head_count', config.num_attention_heads),
    uint32('llama.attention.head_count_kv', config.num_key_value_heads),
    uint32('llama.rope.dimension_count', config.head_dim),
    float32('llama.rope.freq_base', config.rope_theta),
    float32('llama.attention.layer_norm_rms_epsilon', config.rms_norm_eps),
    string('tokenizer.ggml.model', 'no_vocab'),
  ]
  let offset = 0
  const infos = tensors.map(({ entry, vector, bytes }) => {
    const type = tensorTypes[vector ? 'float32' : 'float16']
    const info = [
      text(nameOf(entry)),
      u32(entry.shape.length),
      ...entry.shape.toReversed().map(u64), // the innermost first
      u32(type),
      u64(offset),
    ]
    offset += Math.ceil(bytes / alignment) * alignment
    return Buffer.concat(info)
  })
  const counts = [u64(infos.length), u64(values.length)]
  return Buffer.concat([Buffer.from('GGUF'), u32(3), ...counts, ...values, ...infos])
}

function nameOf({ name }: TensorEntry): string {
  const [, layer, module] = /^(?:model\.layers\.(\d+)\.)?(.*)\.weight$/.exec(name)!
  const known = names[module!]
  if (!known) throw new Error(`${name} has no name in llama.cpp's Llama`)
  return `${layer ? `blk.${layer}.` : ''}${known}.weight`
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / alignment) * alignment)
  whole.set(bytes)
  return whole
}

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at)
}

function u32(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(n)
  return bytes
}

function u64(n: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(n))
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
}

function uint32(key: string, value: number): Buffer {
  return Buffer.concat([text(key), u32(valueTypes.uint32), u32(value)])
}

function float32(key: string, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([text(key), u32(valueTypes.float32), bytes])
}

function string(key: string, value: string): Buffer {
  return Buffer.concat([text(key), u32(valueTypes.string), text(value)])
}
