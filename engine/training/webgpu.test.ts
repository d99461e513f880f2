import { globSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { families, familyReference } from '../../test/reference/load.ts'
import { lossAndGradients, open, relativeError } from '../../test/reference.case.ts'
import type { Adapter, Parameters } from '../adapters/adapter.ts'
import { type LoraTuning, loraAdapter } from '../adapters/lora.ts'
import { prefixAdapter } from '../adapters/prefix.ts'
import { Random } from '../random.ts'
import { noWebgpu, strays } from '../runtime/webgpu.case.ts'
import { temporary } from '../tiny.case.ts'

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
