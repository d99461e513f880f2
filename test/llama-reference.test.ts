/** The engine against PyTorch: transformers' LlamaForCausalLM and PEFT's prefix tuning on tiny random checkpoints. */
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import type { Adapter, Parameters } from '../engine/adapters/adapter.ts'
import { fullAdapter } from '../engine/adapters/full.ts'
import { readAdapter } from '../engine/adapters/peft.ts'
import { prefixAdapter } from '../engine/adapters/prefix.ts'
import { joinRows, splitRows } from '../engine/adapters/prefix-files.ts'
import { KeyValueCache } from '../engine/decoding/cache.ts'
import { Decoder } from '../engine/decoding/decoder.ts'
import type { Model } from '../engine/models/model.ts'
import { openModel } from '../engine/models/open.ts'
import { ropeFeeds } from '../engine/models/step.ts'
import { weightShapes } from '../engine/models/weight-shapes.ts'
import { learningRateAt } from '../engine/optim/schedule.ts'
import { Session } from '../engine/runtime/session.ts'
import { collate, type TokenSample } from '../engine/training/batch.ts'
import { Trainer, trainingGraph } from '../engine/training/trainer.ts'
import { openCheckpoint } from '../engine/weights/checkpoint.ts'
import { frozen } from '../engine/weights/frozen.ts'
import { decodeSafetensors } from '../engine/weights/safetensors.ts'
import { llamaReference, type ReferenceBatch, type ReferenceRun } from './reference/load.ts'

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

const samplesOf = ({ tokens, targets }: ReferenceBatch): TokenSample[] =>
  tokens.map((row, i) => ({ tokens: row, targets: targets[i]! }))

/** A checkpoint of the reference, opened. */
function open<R extends { directory: string }>(reference: R) {
  const checkpoint = openCheckpoint(reference.directory)
  return {
    ...reference,
    model: openModel(reference.directory),
    checkpoint,
    base: { weight: frozen(checkpoint) },
  }
}
type Opened = ReturnType<typeof open>

const partsOf = ({ layers }: Model) =>
  Array.from({ length: layers }, (_, l) => [`key.${l}`, `value.${l}`]).flat()

/** A prefix's parameters from PEFT's `prompt_embeddings`. */
function prefixParameters(model: Model, tokens: number, data: Float32Array): Parameters {
  const { keys, values } = splitRows(data, tokens, model.layers)
  const rows = keys.flatMap((key, l) => [key, values[l]!])
  const shape = [tokens, model.kvHeads * model.headDim]
  return new Map(partsOf(model).map((part, i) => [part, { shape, data: rows[i]! }]))
}

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

const prefixOf = ({ model, directory }: Opened, projection?: number): Adapter =>
  prefixAdapter(model, directory, {
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: 8,
    prefix_projection: projection !== undefined,
    encoder_hidden_size: projection,
  })

/** Loss and gradients of one batch, without an optimizer. */
async function lossAndGradients(
  { model, base }: Opened,
  adapter: Adapter,
  parameters: Parameters,
  batch: ReferenceBatch,
) {
  await using session = await Session.open(trainingGraph({ model, base, adapter, parameters }))
  const { feeds, labelled } = collate(samplesOf(batch), adapter)
  const longest = Math.max(...batch.tokens.map((t) => t.length))
  const { loss, ...gradients } = await session.run({
    ...feeds,
    ...ropeFeeds(model, adapter.virtualTokens + longest),
    ...Object.fromEntries(parameters),
    scale: { data: Float32Array.of(1 / labelled), shape: [] },
  })
  const of = (name: string) => gradients[`gradient of ${name}`]!.data as Float32Array
  return {
    loss: Number(loss!.data[0]),
    gradients: new Map([...parameters.keys()].map((name) => [name, of(name)])),
  }
}

/** ‖got − wanted‖ / ‖wanted‖ */
function relativeError(got: Float32Array, wanted: Float32Array): number {
  expect(got.length).toBe(wanted.length)
  const norm = (of: (i: number) => number) => Math.sqrt(wanted.reduce((sum, _, i) => sum + of(i) ** 2, 0))
  return norm((i) => got[i]! - wanted[i]!) / norm((i) => wanted[i]!)
}

/** The largest difference between the losses of the reference's 20 steps and ours. */
async function worstLoss(
  { model, base, batches }: Opened & { batches: ReferenceBatch[] },
  adapter: Adapter,
  parameters: Parameters,
  run: ReferenceRun,
): Promise<number> {
  const optimizer = {
    beta1: run.betas[0],
    beta2: run.betas[1],
    epsilon: run.eps,
    weightDecay: run.weight_decay,
  }
  const longest = Math.max(...batches.flatMap((b) => b.tokens.map((t) => t.length)))
  const setup = { model, base, adapter, parameters, optimizer, maxGradNorm: run.max_grad_norm, longest }
  await using trainer = await Trainer.open(setup)
  const schedule = {
    type: run.schedule,
    learningRate: run.learning_rate,
    warmupSteps: run.warmup_steps,
    steps: run.losses.length,
  }
  let worst = 0
  for (const [i, wanted] of run.losses.entries()) {
    const { loss } = await trainer.step(
      [samplesOf(batches[i % batches.length]!)],
      learningRateAt(schedule, i),
    )
    worst = Math.max(worst, Math.abs(loss - wanted))
  }
  return worst
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
      const cache = new KeyValueCache(model) // token by token, so that the cache is checked too
      for (const [t, token] of tokens.entries()) {
        const at = (row * width + t) * model.vocabulary
        const logits = await decoder.read([token], cache)
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
  const reply = async (cache: KeyValueCache) => {
    const out: number[] = []
    let read = greedy.prompt
    while (out.length < 24) {
      const logits = await decoder.read(read, cache)
      read = [logits.indexOf(Math.max(...logits))]
      out.push(...read)
    }
    return out
  }
  expect(await reply(new KeyValueCache(model))).toEqual(greedy.base)
  const { prefix } = readAdapter(model, join(directory, 'prefix'))
  expect(await reply(new KeyValueCache(model, prefix))).toEqual(greedy.prefix)
})
