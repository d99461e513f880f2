import { join } from 'node:path'
import { expect, test } from 'vitest'
import { familyReference } from '../../test/reference/load.ts'
import { readAdapter } from '../adapters/peft.ts'
import { factorNames } from '../adapters/targets.ts'
import { openModel } from '../models/open.ts'
import { LoraSlots } from './lora-slots.ts'

const { directory } = familyReference('llama-lora')
const model = openModel(directory)
/** As many LoRAs as one likes, one as the other. */
const newLora = () => readAdapter(model, join(directory, 'lora')).lora!
const modules = newLora().targets.map(({ module }) => module)
const [first] = modules
const rank = newLora().targets[0]!.rank
const slotBytes = 4 * rank * modules.reduce((sum, module) => sum + module.in + module.out, 0)

/** The factor of the first module that each of a batch is fed. */
function fed(slots: LoraSlots, batch: Parameters<LoraSlots['feeds']>[0]) {
  const { data, shape } = slots.feeds(batch)[factorNames(first!).a]!
  const size = rank * first!.in
  return Array.from({ length: shape[0]! }, (_, i) =>
    (data as Float32Array).subarray(i * size, (i + 1) * size),
  )
}

test('each of a batch finds its own factors, and one without a LoRA zeros', () => {
  const slots = new LoraSlots(modules, 2 ** 30)
  const loras = [newLora(), undefined, newLora()]
  for (const lora of loras) lora?.parameters.get(factorNames(first!).a)?.data.fill(loras.indexOf(lora) + 1)
  expect(fed(slots, [undefined])[0]!.every((n) => n === 0)).toBe(true)
  for (const batch of [loras, loras.toReversed(), loras])
    expect(fed(slots, batch).map((factor) => factor[0])).toEqual(
      batch.map((l) => (l ? loras.indexOf(l) + 1 : 0)),
    )
})

test('the stacks stay within their limit, however many LoRAs there are, unless a batch needs more', () => {
  const slots = new LoraSlots(modules, 5 * slotBytes)
  const loras = Array.from({ length: 12 }, newLora)
  for (const [i, lora] of loras.entries()) {
    lora.parameters.get(factorNames(first!).a)!.data.fill(i)
    expect(fed(slots, [lora])[0]![0]).toBe(i)
    expect(slots.bytes).toBeLessThanOrEqual(5 * slotBytes)
  }
  expect(fed(slots, loras).map((factor) => factor[0])).toEqual(loras.map((_, i) => i))
  expect(slots.bytes).toBe(13 * slotBytes)
})
