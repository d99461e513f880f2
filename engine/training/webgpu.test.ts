import { globSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { families, familyReference } from '../../test/reference/load.ts'
import { lossAndGradients, open, relativeError } from '../../test/reference.case.ts'
import type { Adapter, Parameters } from '../adapters/adapter.ts'
import { type LoraTuning, loraAdapter } from '../adapters/lora.ts'
import { prefixAdapter } from '../adapters/prefix.ts'
import { Random } from '../random.ts'
import type { SessionOptions } from '../runtime/session.ts'
import { noWebgpu, strays } from '../runtime/webgpu.case.ts'
import { args, ended, runOf, talk, temporary, writeBase } from '../tiny.case.ts'
import type { TrainRun } from '../train.ts'
import { quantizedBase } from '../weights/quantized/base.ts'

const { root, remove } = temporary()
afterAll(remove)
beforeEach(({ skip }) => skip(noWebgpu !== undefined, noWebgpu))

const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, prefix_projection: false } as const
const lora: LoraTuning = {
  peft_type: 'LORA',
  ...{ r: 2, lora_alpha: 4, lora_dropout: 0, target_modules: 'all-linear' },
  ...{ use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
}

/** Parameters none of which is zero: a LoRA's first gradient in A would be. */
function someParameters(adapter: Adapter): Parameters {
  const parameters = adapter.init(3)
  const random = new Random(4)
  for (const p of parameters.values()) p.data.set(random.normal(p.data.length, 0.1))
  return parameters
}

describe.each(families)('%s on WebGPU', (name) => {
  const opened = open(familyReference(name))
  const methods: [string, Adapter][] = [
    ['prefix', prefixAdapter(opened.model, name, prefix)],
    ['LoRA', loraAdapter(opened.model, name, lora)],
  ]

  test.each(methods)(
    'loss and gradients of a %s are those of the CPU, with checkpointing',
    async (method, adapter) => {
      const parameters = someParameters(adapter)
      const cpu = await lossAndGradients(opened, adapter, parameters, opened.full.batch)
      for (const level of ['selective', 'full'] as const) {
        const profile = join(root, `${name}-${method}-${level}`)
        const options = { device: 'webgpu', profile } as const
        const gpu = await lossAndGradients(opened, adapter, parameters, opened.full.batch, level, options)
        expect(gpu.loss).toBeCloseTo(cpu.loss, 4)
        for (const [parameter, wanted] of cpu.gradients)
          expect(relativeError(gpu.gradients.get(parameter)!, wanted)).toBeLessThan(1e-4)
        expect(strays(globSync(`${profile}*.json`)[0]!)).toEqual([])
      }
    },
  )
})

describe('ten steps on WebGPU', () => {
  const run: Omit<TrainRun, 'method'> = {
    base: writeBase(join(root, 'base')),
    train: ['one', 'two', 'three', 'four', 'five'].map((word, i) =>
      talk(`${i + 1}?`, `${word}${' ha'.repeat(i)}`),
    ),
    dev: [talk('9?', 'nine'), talk('10?', 'ten, ha')],
    args: {
      ...args,
      ...{ max_steps: 10, per_device_train_batch_size: 2, gradient_accumulation_steps: 2, weight_decay: 0.1 },
      ...{ eval_steps: 5, save_steps: 5 },
    },
  }
  const methods: [string, TrainRun['method'], Partial<typeof args>?][] = [
    ['a prefix', prefix],
    ['a prefix on packed rows', prefix, { packing: true, per_device_train_batch_size: 1 }],
    ['a projected prefix', { ...prefix, prefix_projection: true, encoder_hidden_size: 24 }],
    ['a LoRA with dropout', { ...lora, lora_dropout: 0.2 }],
    ['all weights', { peft_type: 'FULL' }],
  ]

  test.each(methods)(
    'of %s have the losses of the CPU, from the start and from a state',
    async (_, method, changed) => {
      const settings = { ...run, method, args: { ...run.args, ...changed } }
      const cpu = await runOf(settings)
      const gpu = await runOf({ ...settings, device: 'webgpu' })
      expect(worst(gpu.losses, cpu.losses)).toBeLessThan(1e-4)
      expect(worst(lossesOf(gpu.evals), lossesOf(cpu.evals))).toBeLessThan(1e-4)

      const [state] = gpu.events.filter((event) => event.type === 'state')
      const rest = await runOf({ ...settings, device: 'webgpu', resume: state!.state })
      expect(worst(rest.losses, gpu.losses.slice(5))).toBeLessThan(1e-6)
      expect(worst(lossesOf(rest.evals), lossesOf(gpu.evals).slice(-1))).toBeLessThan(1e-6)
    },
  )
})

const lossesOf = (evals: readonly { loss: number }[]) => evals.map(({ loss }) => loss)

/** The largest difference of two lists of the same length. */
function worst(got: readonly number[], wanted: readonly number[]): number {
  expect(got.length).toBe(wanted.length)
  return Math.max(...got.map((x, i) => Math.abs(x - wanted[i]!)))
}

test.each([4, 8] as const)(
  'a base in %i bits has on WebGPU the gradients that it has on the CPU',
  async (bits) => {
    const { model, checkpoint } = open({ directory: writeBase(join(root, 'quantised')) })
    const base = ended(quantizedBase(model, checkpoint, { bits, products: 'float' }, join(root, 'cache')))
    const adapter = prefixAdapter(model, 'quantised', prefix)
    const parameters = someParameters(adapter)
    const batch = {
      tokens: [
        [3, 9, 4, 1, 7],
        [5, 2, 6],
      ],
      targets: [[2, 4], [1]],
    }
    const profile = join(root, `quantised-${bits}`)
    const on = (options: SessionOptions) =>
      lossAndGradients({ model, base }, adapter, parameters, batch, 'full', options)
    const [cpu, gpu] = [await on({}), await on({ device: 'webgpu', profile })]
    expect(gpu.loss).toBeCloseTo(cpu.loss, 4)
    for (const [parameter, wanted] of cpu.gradients)
      expect(relativeError(gpu.gradients.get(parameter)!, wanted)).toBeLessThan(1e-4)
    expect(strays(globSync(`${profile}*.json`)[0]!)).toEqual([])
  },
)
