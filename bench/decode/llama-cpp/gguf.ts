/**
 * Writes a Llama of a Hugging Face directory as a GGUF file of float16 matrices and float32 vectors, without a tokenizer:
 * `gguf.ts BASE FILE`. Source: the format's own description, docs/gguf.md of https://github.com/ggml-org/ggml.
 *
 * Rows of q and k keep their order, where llama.cpp would pair the numbers of a head otherwise: of no account for speed.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../../engine/weights/checkpoint.ts'
import { byteLength, fromFloat32 } from '../../../engine/weights/dtype.ts'
import { readBytes, readTensor, type TensorEntry } from '../../../engine/weights/safetensors.ts'
import type { Geometry } from '../geometries.ts'

const [base, file] = process.argv.slice(2) as [string, string]
const alignment = 32 // bytes; the format's default
const tensorTypes = { F32: 0, F16: 1 }

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

const u32 = (n: number) => Buffer.from(Uint32Array.of(n).buffer)
const u64 = (n: number) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer)
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])

// A key, the number of its value's type, and the value.
const whole = (key: string, value: number) => Buffer.concat([text(key), u32(4), u32(value)])
const string = (key: string, value: string) => Buffer.concat([text(key), u32(8), text(value)])
const float = (key: string, value: number) =>
  Buffer.concat([text(key), u32(6), Buffer.from(Float32Array.of(value).buffer)])

const config: Geometry['config'] = JSON.parse(readFileSync(join(base, 'config.json'), 'utf8'))
const tensors = [...openCheckpoint(base).tensors.values()].map((entry) => {
  const dtype = entry.shape.length === 1 ? 'F32' : 'F16'
  const count = entry.shape.reduce((n, d) => n * d)
  return { entry, dtype, bytes: byteLength(dtype, count) } as const
})

const fd = openSync(file, 'w')
writePadded(header())
for (const { entry, dtype } of tensors)
  writePadded(entry.dtype === dtype ? readBytes(entry) : fromFloat32(dtype, readTensor(entry)))
closeSync(fd)

function header(): Buffer {
  const values = [
    string('general.architecture', 'llama'),
    whole('llama.vocab_size', config.vocab_size),
    whole('llama.context_length', config.max_position_embeddings),
    whole('llama.embedding_length', config.hidden_size),
    whole('llama.feed_forward_length', config.intermediate_size),
    whole('llama.block_count', config.num_hidden_layers),
    whole('llama.attention.head_count', config.num_attention_heads),
    whole('llama.attention.head_count_kv', config.num_key_value_heads),
    whole('llama.rope.dimension_count', config.head_dim),
    float('llama.rope.freq_base', config.rope_theta),
    float('llama.attention.layer_norm_rms_epsilon', config.rms_norm_eps),
    string('tokenizer.ggml.model', 'no_vocab'),
  ]
  let offset = 0
  const infos = tensors.map(({ entry, dtype, bytes }) => {
    const dims = entry.shape.toReversed().map(u64) // the innermost first
    const info = [text(nameOf(entry)), u32(dims.length), ...dims, u32(tensorTypes[dtype]), u64(offset)]
    offset += padded(bytes)
    return Buffer.concat(info)
  })
  const version = u32(3)
  return Buffer.concat([
    Buffer.from('GGUF'),
    version,
    u64(infos.length),
    u64(values.length),
    ...values,
    ...infos,
  ])
}

function nameOf({ name }: TensorEntry): string {
  const [, layer, module] = /^(?:model\.layers\.(\d+)\.)?(.*)\.weight$/.exec(name)!
  const known = names[module!]
  if (!known) throw new Error(`${name} has no name in llama.cpp's Llama`)
  return `${layer ? `blk.${layer}.` : ''}${known}.weight`
}

function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

function writePadded(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at)
  writeSync(fd, new Uint8Array(padded(bytes.length) - bytes.length))
}
