/** Every family against PyTorch: transformers and PEFT on tiny random checkpoints. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Adapter } from '../engine/adapters/adapter.ts'
import { fullAdapter } from '../engine/adapters/full.ts'
import { type LoraTuning, loraAdapter } from '../engine/adapters/lora.ts'
import { readAdapter, type StoredAdapter } from '../engine/adapters/peft.ts'
import { joinRows } from '../engine/adapters/prefix-files.ts'
import { Decoder } from '../engine/decoding/decoder.ts'
import { weightShapes } from '../engine/models/weight-shapes.ts'
import { readJson } from '../engine/text/json-file.ts'
import type { Layout, TokenSample } from '../engine/training/batch.ts'
import { joined, pack } from '../engine/training/packing.ts'
import { readHeader, readTensor } from '../engine/weights/safetensors.ts'
import {
  type Forward,
  families,
  familyReference,
  loraRun,
  trainedReference,
  variantReference,
  variants,
} from './reference/load.ts'
import {
  gradientsOf,
  greedyReply,
  lossAndGradients,
  type Opened,
  open,
  prefixOf,
  prefixParameters,
  relativeError,
  samplesOf,
  worstLoss,
} from './reference.case.ts'

/** A decoder with room for the LoRA of an adapter. */
const decoderOf = ({ model, base }: Opened, { lora }: StoredAdapter = {}) =>
  Decoder.open(model, base, { modules: lora?.targets.map(({ module }) => module) })

/** The largest difference from the reference's logits, at any position of any row; token by token. */
async function worstLogit(
  opened: Opened & Pick<Forward, 'forward'>,
  wanted: Float32Array,
  { prefix, lora }: StoredAdapter = {},
): Promise<number> {
  const { model, forward } = opened
  await using decoder = await decoderOf(opened, { lora })
  const width = Math.max(...forward.batch.tokens.map((tokens) => tokens.length))
  let worst = 0
  for (const [row, tokens] of forward.batch.tokens.entries()) {
    const sequence = decoder.start(prefix)
    for (const [t, token] of tokens.entries()) {
      const at = (row * width + t) * model.vocabulary
      const logits = await decoder.read(sequence, [token], { lora })
      for (const [i, logit] of logits.entries()) worst = Math.max(worst, Math.abs(logit - wanted[at + i]!))
    }
  }
  return worst
}

async function reply(
  opened: Opened,
  prompt: readonly number[],
  adapter: StoredAdapter = {},
): Promise<number[]> {
  await using decoder = await decoderOf(opened, adapter)
  return await greedyReply(decoder, prompt, 32, decoder.start(adapter.prefix), adapter.lora)
}

for (const name of variants) {
  test(`${name}: logits and greedy tokens are those of transformers`, async () => {
    const opened = open(variantReference(name))
    expect(await worstLogit(opened, opened.tensor('forward.logits'))).toBeLessThan(1e-4)
    expect(await reply(opened, opened.greedy.prompt)).toEqual(opened.greedy.base)
  })
}

const LoraConfig = z.looseObject({ r: z.number(), lora_alpha: z.number() })
/** The LoRA that PEFT saved, as one to be trained on: its settings, and its factors as they are. */
function savedLora({ model, directory }: Opened) {
  const config = readJson(join(directory, 'lora', 'adapter_config.json'), LoraConfig)
  const adapter = loraAdapter(model, directory, config as unknown as LoraTuning)
  const file = readHeader(join(directory, 'lora', 'adapter_model.safetensors'))
  const parameters = adapter.init(0)
  for (const [at, { data }] of parameters) data.set(readTensor(file.get(`base_model.model.${at}`)!))
  return { adapter, parameters }
}

const withInit = (adapter: Adapter) => ({ adapter, parameters: adapter.init(0) })

describe.each(families)('%s', (name) => {
  const opened = open(familyReference(name))
  const { model, directory, tensor, greedy } = opened
  const stored = (kind: string) => readAdapter(model, join(directory, kind))

  test('logits are those of transformers, and with adapters those of PEFT', async () => {
    expect(await worstLogit(opened, opened.tensor('forward.logits'))).toBeLessThan(1e-4)
    expect(await worstLogit(opened, tensor('prefix.logits'), stored('prefix'))).toBeLessThan(1e-4)
    expect(await worstLogit(opened, tensor('lora.logits'), stored('lora'))).toBeLessThan(1e-4)
  })

  test('what was trained here has the logits that PEFT and transformers give it', async () => {
    const { directory: trained, logits } = trainedReference(name)
    expect(Object.keys(logits).sort()).toEqual(name === 'chatglm' ? ['prefix'] : ['full', 'lora', 'prefix'])
    const { full, ...adapters } = logits
    for (const [kind, wanted] of Object.entries(adapters))
      expect(await worstLogit(opened, wanted, readAdapter(model, join(trained, kind)))).toBeLessThan(1e-4)
    const { forward } = opened
    if (full)
      expect(await worstLogit(open({ directory: join(trained, 'full'), forward }), full)).toBeLessThan(1e-4)
  })

  test('32 greedy tokens are the same, with and without adapters', async () => {
    expect(new Set([greedy.base, greedy.prefix, greedy.lora].map(String)).size).toBe(3)
    expect(await reply(opened, greedy.prompt)).toEqual(greedy.base)
    expect(await reply(opened, greedy.prompt, stored('prefix'))).toEqual(greedy.prefix)
    expect(await reply(opened, greedy.prompt, stored('lora'))).toEqual(greedy.lora)
  })

  test('one step on a prefix has the loss and the gradient of PEFT', async () => {
    const { virtual_tokens: tokens, prefix } = opened
    const parameters = prefixParameters(model, tokens, tensor('prefix.embedding.weight'))
    const { loss, gradients } = await lossAndGradients(opened, prefixOf(opened), parameters, prefix.batch)
    expect(Math.abs(loss - prefix.loss)).toBeLessThan(1e-5)
    const each = (kind: string) =>
      Array.from({ length: model.layers }, (_, l) => gradients.get(`${kind}.${l}`)!)
    const joined = joinRows({ tokens, keys: each('key'), values: each('value') })
    expect(relativeError(joined, tensor('prefix.gradient.embedding.weight'))).toBeLessThan(1e-4)
  })

  test('one step on a LoRA has the loss and the gradients of PEFT', async () => {
    const { adapter, parameters } = savedLora(opened)
    const { loss, gradients } = await lossAndGradients(opened, adapter, parameters, opened.lora.batch)
    expect(Math.abs(loss - opened.lora.loss)).toBeLessThan(1e-5)
    for (const [at, gradient] of gradients)
      expect(relativeError(gradient, tensor(`lora.gradient.base_model.model.${at}`)), at).toBeLessThan(1e-4)
  })

  test('padded or packed, a batch has the loss and the gradients that it has row by row', async () => {
    const methods = [
      {
        adapter: prefixOf(opened),
        parameters: prefixParameters(model, opened.virtual_tokens, tensor('prefix.embedding.weight')),
      },
      savedLora(opened),
      withInit(fullAdapter(opened.checkpoint, weightShapes(model))),
    ]
    const samples = samplesOf(opened.full.batch)
    const room = 19 // of 12, 7 and 10 tokens, the first two make a row, and the third does not fit
    const lengths = samples.map(({ tokens }) => tokens.length)
    const rows = pack(lengths, room, 1).map((row) => joined(row.map((i) => samples[i]!)))
    expect(rows.map(({ tokens }) => tokens.length)).toEqual([19, 10])
    for (const { adapter, parameters } of methods) {
      const gradients = (list: readonly TokenSample[], layout: Layout) =>
        gradientsOf(opened, adapter, parameters, list, layout)
      const plain = await gradients(samples, {})
      for (const other of [
        await gradients(samples, { longest: 24 }),
        await gradients(rows, { packed: true }),
        await gradients(rows, { packed: true, longest: 24 }),
      ]) {
        expect(Math.abs(other.loss - plain.loss)).toBeLessThan(1e-6)
        for (const [at, gradient] of plain.gradients)
          expect(relativeError(other.gradients.get(at)!, gradient), at).toBeLessThan(1e-5)
      }
    }
  })

  test('one step on all weights has the loss and every gradient of PyTorch', async () => {
    const adapter = fullAdapter(opened.checkpoint, weightShapes(model))
    const { loss, gradients } = await lossAndGradients(opened, adapter, adapter.init(0), opened.full.batch)
    expect(Math.abs(loss - opened.full.loss)).toBeLessThan(1e-5)
    for (const [weight, gradient] of gradients)
      expect(relativeError(gradient, tensor(`full.gradient.${weight}`)), weight).toBeLessThan(1e-4)
  })
})

test('20 AdamW steps on a LoRA have the losses of PyTorch', async () => {
  const opened = open(loraRun())
  const { adapter, parameters } = savedLora(opened)
  expect(await worstLoss(opened, adapter, parameters, opened.lora_training)).toBeLessThan(1e-4)
})
