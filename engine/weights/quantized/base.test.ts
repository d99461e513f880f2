import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { lossAndGradients, relativeError } from '../../../test/reference.case.ts'
import { loraAdapter } from '../../adapters/lora.ts'
import { prefixAdapter } from '../../adapters/prefix.ts'
import { Decoder } from '../../decoding/decoder.ts'
import { constant } from '../../graph/build.ts'
import type { Binding } from '../../models/model.ts'
import { openModel } from '../../models/open.ts'
import { productWeights } from '../../models/weight-shapes.ts'
import { Random } from '../../random.ts'
import { ended, temporary } from '../../tiny.case.ts'
import { openCheckpoint } from '../checkpoint.ts'
import { frozen } from '../frozen.ts'
import { writeInitialCheckpoint } from '../initial.ts'
import { readBytes, readTensor } from '../safetensors.ts'
import { type Products, type Quantization, quantizedBase } from './base.ts'
import { dequantizeBlocks } from './blocks.ts'
import { quantizedWeights } from './cached-file.ts'

const { root, remove } = temporary()
afterAll(remove)

const sizes = { hidden_size: 64, num_attention_heads: 4 }
const llama = {
  ...sizes,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  vocab_size: 160,
}
const configs = {
  llama: { ...llama, model_type: 'llama' },
  'gemma, whose head is the embedding': { ...llama, model_type: 'gemma', head_dim: 16 },
  'chatglm with fused projections': {
    ...{ ...sizes, model_type: 'chatglm', num_layers: 2, ffn_hidden_size: 96, kv_channels: 16 },
    ...{ multi_query_attention: true, multi_query_group_num: 2, padded_vocab_size: 160, add_qkv_bias: true },
  },
}
const batch = {
  tokens: [0, 1].map((row) => Array.from({ length: 12 + row }, (_, i) => (7 * i + 31 * row) % 160)),
  targets: [
    [6, 7, 8, 11],
    [3, 9, 12],
  ],
}

describe.each(Object.entries(configs))('%s', (name, config) => {
  const directory = join(root, name)
  writeInitialCheckpoint(directory, config, 1)
  const model = openModel(directory)
  const checkpoint = openCheckpoint(directory)
  const cache = join(directory, 'cache')
  const quantized = (quantization: Quantization) =>
    ended(quantizedBase(model, checkpoint, quantization, cache))
  test.each([4, 8] as const)(
    'for serving, in %i bits, products give what they do in training',
    async (bits) => {
      const logits = async (products: Products) => {
        await using decoder = await Decoder.open(model, quantized({ bits, products }))
        return [...(await decoder.read(decoder.start(), batch.tokens[0]!))]
      }
      expect(await logits('forward')).toEqual(await logits('integer'))
    },
  )

  const adapters = {
    prefix: prefixAdapter(model, name, {
      ...{ peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, prefix_projection: false },
    }),
    lora: loraAdapter(model, name, {
      ...{ peft_type: 'LORA', r: 2, lora_alpha: 4, lora_dropout: 0, target_modules: 'all-linear' },
      ...{ use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
    }),
  }

  /** A base whose weights are, as float32, what the codes stand for. */
  function widened(bits: 4 | 8): Binding {
    const products = ended(quantizedWeights(checkpoint, productWeights(model), `int${bits}`, cache))
    const nodes = new Map(
      [...products].map(([key, { q, scales }]) => {
        const shape = productWeights(model).get(key)!
        return [key, constant(dequantizeBlocks(readBytes(q), readTensor(scales), bits), shape)] as const
      }),
    )
    const stored = frozen(checkpoint)
    return { weight: (key, shape) => nodes.get(key) ?? stored(key, shape), table: stored }
  }

  /** Random, so that every factor of a LoRA has a gradient. */
  function parametersOf(adapter: (typeof adapters)['prefix']) {
    const random = new Random(2)
    return new Map(
      [...adapter.init(3)].map(([key, { shape, data }]) => [
        key,
        { shape, data: random.normal(data.length, 0.1) },
      ]),
    )
  }

  for (const bits of [4, 8] as const) {
    test.each(Object.entries(adapters))(
      `${bits} bits: float products give loss and gradients of a %s as the weights that the codes stand for do`,
      async (_, adapter) => {
        const parameters = parametersOf(adapter)
        const base = quantized({ bits, products: 'float' })
        const run = (binding: Binding, level: 'none' | 'selective' | 'full') =>
          lossAndGradients({ model, base: binding }, adapter, parameters, batch, level)
        const kept = await run(base, 'none')
        const wanted = await run(widened(bits), 'none')
        expect(Math.abs(kept.loss - wanted.loss)).toBeLessThan(1e-5)
        for (const [key, gradient] of wanted.gradients)
          expect(relativeError(kept.gradients.get(key)!, gradient), key).toBeLessThan(1e-5)
        expect(await run(base, 'selective')).toEqual(kept)
        expect(await run(base, 'full')).toEqual(kept)
      },
    )

    test.each(Object.entries(adapters))(
      `${bits} bits: integer products give gradients of a %s in the same direction`,
      async (_, adapter) => {
        const parameters = parametersOf(adapter)
        const run = (products: Products) =>
          lossAndGradients(
            { model, base: quantized({ bits, products }) },
            adapter,
            parameters,
            batch,
            'full',
            {
              prepack: products === 'integer',
            },
          )
        const [wanted, got] = [await run('float'), await run('integer')]
        expect(Math.abs(got.loss - wanted.loss)).toBeLessThan(1e-2)
        expect(got).not.toEqual(wanted) // else nothing was rounded
        expect(cosine(joined(got.gradients), joined(wanted.gradients))).toBeGreaterThan(0.999)
      },
    )
  }
})

const joined = (gradients: ReadonlyMap<string, Float32Array>) =>
  [...gradients.values()].flatMap((g) => [...g])
const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const cosine = (a: number[], b: number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

describe('the cache', () => {
  const directory = join(root, 'source')
  const cache = join(root, 'kept')
  writeInitialCheckpoint(directory, configs.llama, 1)
  const weights = productWeights(openModel(directory))
  let made = 0
  const quantize = () =>
    ended(quantizedWeights(openCheckpoint(directory), weights, 'int4', cache), ({ done }) => {
      made += 1
      expect(done).toBeLessThanOrEqual(weights.size)
    })
  const files = () => readdirSync(cache).filter((name) => name.endsWith('.safetensors'))

  test('is filled once, and found again by what the source holds', () => {
    quantize()
    expect(made).toBe(weights.size)
    utimesSync(join(directory, 'model.safetensors'), 1, 1)
    quantize()
    expect(made).toBe(weights.size)
    expect(files().length).toBe(1)
  })

  test('is filled anew for another source', () => {
    writeInitialCheckpoint(directory, configs.llama, 2)
    quantize()
    expect(made).toBe(2 * weights.size)
    expect(files().length).toBe(2)
  })

  test('gets nothing from one that cannot be read to its end', () => {
    writeInitialCheckpoint(directory, configs.llama, 3)
    const checkpoint = openCheckpoint(directory)
    const wrong = new Map(weights).set('model.none.weight', [32, 32])
    expect(() => ended(quantizedWeights(checkpoint, wrong, 'int4', cache))).toThrow('model.none.weight')
    expect(readdirSync(cache).filter((name) => name.endsWith('unfinished'))).toEqual([])
    expect(files().length).toBe(2)
  })
})
