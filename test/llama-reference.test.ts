/** The engine against PyTorch: transformers' LlamaForCausalLM and PEFT's prefix tuning on tiny random checkpoints. */
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import type { Parameters } from '../engine/adapters/adapter.ts'
import { fullAdapter } from '../engine/adapters/full.ts'
import { readAdapter } from '../engine/adapters/peft.ts'
import { joinRows, type Prefix } from '../engine/adapters/prefix-files.ts'
import { Decoder } from '../engine/decoding/decoder.ts'
import type { Model } from '../engine/models/model.ts'
import { weightShapes } from '../engine/models/weight-shapes.ts'
import { decodeSafetensors } from '../engine/weights/safetensors.ts'
import { llamaReference } from './reference/load.ts'
import {
  greedyReply,
  lossAndGradients,
  open,
  partsOf,
  prefixOf,
  prefixParameters,
  relativeError,
  worstLoss,
} from './reference.case.ts'

/** Weights whose whole gradients the reference holds, one of each kind. */
const wholeGradients = [
  'model.embed_tokens.weight',
  'model.layers.0.self_attn.q_proj.weight',
  'model.layers.1.self_attn.k_proj.weight',
  'model.layers.0.mlp.down_proj.weight',
  'model.layers.2.input_layernorm.weight',
  'model.norm.weight',
  'lm_head.weight',
]

/** A projected prefix's parameters from those of PEFT's MLP, by their names there. */
function projectedParameters(model: Model, tokens: number, of: (name: string) => Float32Array): Parameters {
  const parts = partsOf(model)
  const width = model.kvHeads * model.headDim
  const [embedding, w1] = [of('embedding.weight'), of('transform.0.weight')]
  const hidden = w1.length / width
  const piece = (name: string, i: number) => {
    const whole = of(name)
    return whole.slice((i * whole.length) / parts.length, ((i + 1) * whole.length) / parts.length)
  }
  const named: [string, number[], Float32Array][] = [
    ['embedding', [tokens, width], embedding],
    ['transform.0.weight', [hidden, width], w1],
    ['transform.0.bias', [hidden], of('transform.0.bias')],
  ]
  for (const [i, part] of parts.entries()) {
    named.push([`transform.2.weight.${part}`, [width, hidden], piece('transform.2.weight', i)])
    named.push([`transform.2.bias.${part}`, [width], piece('transform.2.bias', i)])
  }
  return new Map(named.map(([name, shape, data]) => [name, { shape, data }]))
}

for (const reference of [
  llamaReference('llama'),
  llamaReference('llama-tied'),
  llamaReference('llama-wide-heads'),
]) {
  test(`${basename(reference.directory)}: logits agree with transformers at every position`, async () => {
    const { model, base, forward, tensor } = open(reference)
    await using decoder = await Decoder.open(model, base)
    const width = Math.max(...forward.batch.tokens.map((t) => t.length))
    const wanted = tensor('forward.logits')
    for (const [row, tokens] of forward.batch.tokens.entries()) {
      const sequence = decoder.start() // token by token, so that the cache is checked too
      for (const [t, token] of tokens.entries()) {
        const at = (row * width + t) * model.vocabulary
        const logits = await decoder.read(sequence, [token])
        expect(relativeError(logits, wanted.subarray(at, at + model.vocabulary))).toBeLessThan(1e-5)
      }
    }
  })
}

for (const reference of [llamaReference('llama'), llamaReference('llama-tied')]) {
  const name = basename(reference.directory)

  test(`${name}: one prefix-tuning step has PEFT's loss and gradients`, async () => {
    const opened = open(reference)
    const { model, virtual_tokens: tokens, prefix, tensor } = opened
    const parameters = prefixParameters(model, tokens, tensor('prefix.embedding.weight'))
    const { loss, gradients } = await lossAndGradients(opened, prefixOf(opened), parameters, prefix.batch)
    expect(Math.abs(loss - prefix.loss)).toBeLessThan(1e-5)
    const each = (kind: string) =>
      Array.from({ length: model.layers }, (_, l) => gradients.get(`${kind}.${l}`)!)
    const joined = joinRows({ tokens, keys: each('key'), values: each('value') })
    expect(relativeError(joined, tensor('prefix.gradient.embedding.weight'))).toBeLessThan(1e-4)
  })

  test(`${name}: the gradients of all weights agree with PyTorch`, async () => {
    const opened = open(reference)
    const { model, checkpoint, full, tensor } = opened
    const adapter = fullAdapter(checkpoint, weightShapes(model))
    const { loss, gradients } = await lossAndGradients(opened, adapter, adapter.init(0), full.batch)
    expect(Math.abs(loss - full.loss)).toBeLessThan(1e-5)
    expect([...gradients.keys()].sort()).toEqual(Object.keys(full.norms).sort())
    for (const [weight, norm] of Object.entries(full.norms)) {
      const g = gradients.get(weight)!
      expect(Math.abs(Math.hypot(...g) - norm) / norm).toBeLessThan(1e-4)
    }
    for (const weight of name === 'llama' ? wholeGradients : ['model.embed_tokens.weight'])
      expect(relativeError(gradients.get(weight)!, tensor(`full.gradient.${weight}`))).toBeLessThan(1e-4)
  })
}

test('20 AdamW steps on a prefix have the losses of PyTorch, on every schedule', async () => {
  const opened = open(llamaReference('llama'))
  const { model, virtual_tokens: tokens, training, tensor } = opened
  expect(training.map((run) => run.schedule)).toEqual(['constant', 'linear', 'cosine'])
  for (const run of training) {
    const parameters = prefixParameters(model, tokens, tensor('prefix.embedding.weight'))
    expect(await worstLoss(opened, prefixOf(opened), parameters, run)).toBeLessThan(1e-4)
  }
})

test('a projected prefix has the loss, gradients, rows and training losses of PEFT', async () => {
  const opened = open(llamaReference('llama'))
  const { model, virtual_tokens: tokens, projected, projected_training, tensor } = opened
  const adapter = prefixOf(opened, 48)
  const of = (prefix: string) => projectedParameters(model, tokens, (n) => tensor(`${prefix}.${n}`))
  const parameters = of('projected')
  const { loss, gradients } = await lossAndGradients(opened, adapter, parameters, projected.batch)
  expect(Math.abs(loss - projected.loss)).toBeLessThan(1e-5)
  for (const [name, { data }] of of('projected.gradient')) {
    // The gradient of a piece may be near zero; what matters is its size against the whole.
    const difference = Math.hypot(...data.map((x, i) => x - gradients.get(name)![i]!))
    expect(difference).toBeLessThan(1e-4 * projected.grad_norm)
  }
  const files = await adapter.files(parameters)
  const saved = decodeSafetensors(files['adapter_model.safetensors']!, 'saved').get('prompt_embeddings')!
  expect(relativeError(saved.data, tensor('projected.rows'))).toBeLessThan(1e-6)
  expect(await worstLoss(opened, adapter, parameters, projected_training)).toBeLessThan(1e-4)
})

test('20 AdamW steps on all weights have the losses of PyTorch', async () => {
  const opened = open(llamaReference('llama'))
  const adapter = fullAdapter(opened.checkpoint, weightShapes(opened.model))
  expect(await worstLoss(opened, adapter, adapter.init(0), opened.full_training)).toBeLessThan(1e-4)
})

test('greedy replies are those of transformers, with and without a prefix', async () => {
  const { model, base, directory, greedy } = open(llamaReference('llama'))
  await using decoder = await Decoder.open(model, base)
  const reply = (prefix?: Prefix) => greedyReply(decoder, greedy.prompt, 24, decoder.start(prefix))
  expect(await reply()).toEqual(greedy.base)
  const { prefix } = readAdapter(model, join(directory, 'prefix'))
  expect(await reply(prefix)).toEqual(greedy.prefix)
})
