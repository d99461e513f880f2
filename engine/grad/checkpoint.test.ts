import { describe, expect, test } from 'vitest'
import { families, familyReference } from '../../test/reference/load.ts'
import { lossAndGradients, open } from '../../test/reference.case.ts'
import type { Adapter } from '../adapters/adapter.ts'
import { fullAdapter } from '../adapters/full.ts'
import { type LoraTuning, loraAdapter } from '../adapters/lora.ts'
import { prefixAdapter } from '../adapters/prefix.ts'
import { topological } from '../graph/node.ts'
import { weightShapes } from '../models/weight-shapes.ts'
import { trainingGraph } from '../training/graph.ts'

const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, prefix_projection: false } as const
const lora: LoraTuning = {
  peft_type: 'LORA',
  ...{ r: 2, lora_alpha: 4, lora_dropout: 0, target_modules: 'all-linear' },
  ...{ use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
}

describe.each(families)('%s', (name) => {
  const opened = open(familyReference(name))
  const { model, base, checkpoint, full } = opened
  const methods: [string, Adapter][] = [
    ['a prefix', prefixAdapter(model, name, prefix)],
    [
      'a projected prefix',
      prefixAdapter(model, name, { ...prefix, prefix_projection: true, encoder_hidden_size: 24 }),
    ],
    ['a LoRA', loraAdapter(model, name, lora)],
    ['all weights', fullAdapter(checkpoint, weightShapes(model))],
  ]

  test.each(methods)(
    'loss and gradients of %s are the same to the last bit at every level',
    async (_, adapter) => {
      const parameters = adapter.init(3)
      const at = (level: 'none' | 'selective' | 'full') =>
        lossAndGradients(opened, adapter, parameters, full.batch, level)
      const kept = await at('none')
      expect(await at('selective')).toEqual(kept)
      expect(await at('full')).toEqual(kept)
    },
  )

  test('at the selective level one piece of attention in eight keeps its probabilities', () => {
    const adapter = methods[0]![1]
    const parameters = adapter.init(3)
    const keptAt = (checkpointing: 'none' | 'selective' | 'full') => {
      const graph = topological(
        Object.values(trainingGraph({ model, base, adapter, parameters, checkpointing })),
      )
      const own = new Set(graph.flatMap(({ op, inputs }) => (op === 'attend' ? [inputs[0]!] : [])))
      const kept = graph.filter(({ op, inputs }) => op === 'softmax' && own.has(inputs[0]!))
      return [kept.length, own.size] as const
    }
    const [all, pieces] = keptAt('none')
    expect(all).toBe(pieces)
    expect(keptAt('selective')).toEqual([Math.floor(pieces / 8), pieces])
    expect(keptAt('full')).toEqual([0, pieces])
  })

  test('at the full level each layer keeps what comes before its attention and before its MLP, and no more', () => {
    const adapter = methods[0]![1]
    const parameters = adapter.init(3)
    const graph = (checkpointing: 'none' | 'full') =>
      topological(Object.values(trainingGraph({ model, base, adapter, parameters, checkpointing })))
    expect(graph('none').filter(({ op }) => op === 'late')).toEqual([])
    const waiting = graph('full').filter(({ op }) => op === 'late')
    expect(waiting.length).toBe(2 * model.layers)
    for (const { shape } of waiting) expect(shape).toEqual(['B*T', model.hidden])
  })
})
