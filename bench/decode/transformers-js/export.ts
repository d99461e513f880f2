/**
 * Writes a Llama of a Hugging Face directory as transformers.js wants one whose weights have 4 bits: `export.ts BASE
 * DIRECTORY`. The graph is that of ONNX Runtime's own exports: GroupQueryAttention over `past_key_values.N.key` and
 * `.value`, which come back grown as `present.N.key` and `.value`, and MatMulNBits over the very codes that here uses.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import { openModel } from '../../../engine/models/open.ts'
import { productWeights } from '../../../engine/models/weight-shapes.ts'
import { openCheckpoint } from '../../../engine/weights/checkpoint.ts'
import { fromFloat32 } from '../../../engine/weights/dtype.ts'
import { quantizedWeights } from '../../../engine/weights/quantized/cached-file.ts'
import { readBytes, readTensor } from '../../../engine/weights/safetensors.ts'
import type { Geometry } from '../geometries.ts'
import { OnnxGraph } from './onnx-graph.ts'

const [base, directory] = process.argv.slice(2) as [string, string]
const config: Geometry['config'] = JSON.parse(readFileSync(join(base, 'config.json'), 'utf8'))
const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config
const { hidden_size: hidden, intermediate_size: ffn, rms_norm_eps: epsilon } = config

const checkpoint = openCheckpoint(base)
const making = quantizedWeights(checkpoint, productWeights(openModel(base)), 'int4', join(directory, 'codes'))
let made = making.next()
while (!made.done) made = making.next()
const products = made.value

mkdirSync(join(directory, 'onnx'), { recursive: true })
const file = 'model_q4.onnx_data'
const fd = openSync(join(directory, 'onnx', file), 'w')
const graph = new OnnxGraph(file, (bytes) => {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, Math.min(bytes.length - at, 2 ** 30))
})
describe()
closeSync(fd)
const model = create(ModelProtoSchema, {
  irVersion: 10n,
  opsetImport: [
    { domain: '', version: 21n },
    { domain: 'com.microsoft', version: 1n },
  ],
  graph: graph.proto,
})
writeFileSync(join(directory, 'onnx/model_q4.onnx'), toBinary(ModelProtoSchema, model))
writeFileSync(
  join(directory, 'config.json'),
  JSON.stringify({ ...config, 'transformers.js_config': { use_external_data_format: true } }),
)

function describe(): void {
  graph.input('input_ids', 'int64', ['batch_size', 'sequence_length'])
  graph.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length'])
  const lengths = graph.node('ReduceSum', ['attention_mask', graph.int64([1])], { keepdims: 0 })
  const before = graph.node('Cast', [graph.node('Sub', [lengths, graph.int64([1])])], {
    to: graph.types.int32,
  })
  const all = graph.node('Shape', ['attention_mask'], { start: 1, end: 2 })
  const total = graph.node('Cast', [graph.node('Squeeze', [all])], { to: graph.types.int32 })
  const rope = rotations()

  let x = graph.node('Gather', [vectors('model.embed_tokens.weight'), 'input_ids'])
  let normed = graph.node('SimplifiedLayerNormalization', [x, norm('model.layers.0.input_layernorm')], {
    epsilon,
  })
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `model.layers.${i}`
    const qkv = product(
      normed,
      hidden,
      ['q_proj', 'k_proj', 'v_proj'].map((m) => `${layer}.self_attn.${m}`),
    )
    const [attended, key, value] = graph.nodes(
      'com.microsoft:GroupQueryAttention',
      [qkv, '', '', ...past(i), before, total, ...rope],
      { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1 },
      3,
    )
    graph.output(`present.${i}.key`, 'float32', key!)
    graph.output(`present.${i}.value`, 'float32', value!)
    const y = product(attended!, heads * headDim, [`${layer}.self_attn.o_proj`])
    ;[normed, x] = skipNorm(x, y, `${layer}.post_attention_layernorm`)
    const gate = product(normed, hidden, [`${layer}.mlp.gate_proj`])
    const up = product(normed, hidden, [`${layer}.mlp.up_proj`])
    const silu = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])])
    const down = product(graph.node('Mul', [silu, up]), ffn, [`${layer}.mlp.down_proj`])
    const last = i === config.num_hidden_layers - 1
    ;[normed, x] = skipNorm(x, down, last ? 'model.norm' : `model.layers.${i + 1}.input_layernorm`)
  }
  graph.output('logits', 'float32', product(normed, hidden, ['lm_head']))
}

/** The cache of a layer, as it comes from JavaScript. transformers.js knows the axes by these names. */
function past(layer: number): string[] {
  const shape = ['batch_size', kvHeads, 'past_sequence_length', headDim]
  return ['key', 'value'].map((which) => graph.input(`past_key_values.${layer}.${which}`, 'float32', shape))
}

/** x · Wᵀ for weights of the same width, side by side. */
function product(x: string, width: number, modules: string[]): string {
  const weights = modules.map((module) => products.get(`${module}.weight`)!)
  const rows = weights.reduce((sum, { scales }) => sum + scales.shape[0]!, 0)
  const [name, blocks] = [modules[0]!, width / 32]
  const codes = Buffer.concat(weights.map(({ q }) => readBytes(q)))
  const scales = Buffer.concat(weights.map(({ scales }) => readBytes(scales)))
  const inputs = [
    graph.stored(`${name}.codes`, 'uint8', [rows, blocks, 16], codes),
    graph.stored(`${name}.scales`, 'float32', [rows, blocks], scales),
  ]
  const sizes = { K: width, N: rows, bits: 4, block_size: 32, accuracy_level: 4 }
  return graph.node('com.microsoft:MatMulNBits', [x, ...inputs], sizes)
}

/** The norm of x + y, and x + y. */
function skipNorm(x: string, y: string, weight: string): [string, string] {
  const [normed, , , sum] = graph.nodes(
    'com.microsoft:SkipSimplifiedLayerNormalization',
    [x, y, norm(weight)],
    { epsilon },
    4,
  )
  return [normed!, sum!]
}

function norm(module: string): string {
  return vectors(`${module}.weight`)
}

function vectors(name: string): string {
  const entry = checkpoint.tensors.get(name)!
  return graph.stored(name, 'float32', entry.shape, fromFloat32('F32', readTensor(entry)))
}

/** Cosines and sines of every position, (positions, headDim / 2) each. */
function rotations(): string[] {
  const [positions, half] = [config.max_position_embeddings, headDim / 2]
  return ([Math.cos, Math.sin] as const).map((f) => {
    const data = Float32Array.from({ length: positions * half }, (_, at) =>
      f(Math.floor(at / half) * config.rope_theta ** (-(at % half) / half)),
    )
    return graph.stored(`${f.name}_cache`, 'float32', [positions, half], new Uint8Array(data.buffer))
  })
}
