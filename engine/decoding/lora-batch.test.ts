import { join } from 'node:path'
import { expect, test } from 'vitest'
import { familyReference } from '../../test/reference/load.ts'
import type { Lora } from '../adapters/lora-files.ts'
import { readAdapter } from '../adapters/peft.ts'
import { factorNames } from '../adapters/targets.ts'
import { openModel } from '../models/open.ts'
import { LoraBatch } from './lora-batch.ts'

const { directory } = familyReference('llama-lora')
const model = openModel(directory)
const modules = readAdapter(model, join(directory, 'lora')).lora!.targets.map(({ module }) => module)
const [first, ...others] = modules
const { a, b } = factorNames(first!)

/** A LoRA at every module, or all but the first, whose numbers are all `value`. */
function filled(value: number, rank: number, at = modules): Lora {
  const targets = at.map((module) => ({ module, rank, scale: 1 }))
  const factor = (shape: number[]) => ({ shape, data: new Float32Array(shape[0]! * shape[1]!).fill(value) })
  const parameters = at.flatMap((module) => {
    const names = factorNames(module)
    return [
      [names.a, factor([rank, module.in])],
      [names.b, factor([module.out, rank])],
    ] as const
  })
  return { targets, parameters: new Map(parameters) }
}

/** What each of a batch is fed at the first module: the first number of each rank, in A and in B. */
function fed(loras: LoraBatch, batch: readonly (Lora | undefined)[]) {
  const feeds = loras.feeds(batch)
  const [factorA, factorB] = [feeds[a]!, feeds[b]!]
  const [count, rank] = factorA.shape as [number, number]
  expect(factorA.shape).toEqual([count, rank, first!.in])
  expect(factorB.shape).toEqual([count, first!.out, rank])
  const last = first!.out - 1 // B's last row would be wrong if any before it were
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: rank }, (_, r) => [
      factorA.data[(i * rank + r) * first!.in],
      factorB.data[(i * first!.out + last) * rank + r],
    ]),
  )
}

test('each of a batch finds its own factors, filled up with zeros to the largest rank', () => {
  const loras = new LoraBatch(modules)
  const [one, two] = [filled(1, 1), filled(2, 2)]
  const [ones, twos, zeros] = [
    [
      [1, 1],
      [0, 0],
    ],
    [
      [2, 2],
      [2, 2],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ]
  expect(fed(loras, [one, undefined, two])).toEqual([ones, zeros, twos])
  expect(fed(loras, [two, undefined, one])).toEqual([twos, zeros, ones])
  expect(fed(loras, [two, filled(3, 2, others)])).toEqual([twos, zeros])
})

test('what all of a batch share is fed once, and as it lies', () => {
  const loras = new LoraBatch(modules)
  const lora = filled(1, 3)
  expect(fed(loras, [undefined, undefined])).toEqual([[[0, 0]]])
  expect(fed(loras, [lora, lora])).toHaveLength(1)
  expect(loras.feeds([lora, lora])[b]!.data).toBe(lora.parameters.get(b)!.data)
  expect(fed(loras, [filled(1, 1, others)])).toEqual([[[0, 0]]])
})

test('nothing is copied while a batch stays the same, also when a prompt is read meanwhile', () => {
  const loras = new LoraBatch(modules)
  const [one, two] = [filled(1, 1), filled(2, 1)]
  const feeds = loras.feeds([one, two])
  loras.feeds([two])
  expect(loras.feeds([one, two])).toBe(feeds)
  expect(loras.feeds([two, one])).not.toBe(feeds)
})
