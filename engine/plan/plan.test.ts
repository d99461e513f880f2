import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { sketchAdapter, type Tuning } from '../adapters/open.ts'
import { openModel } from '../models/open.ts'
import { args, temporary } from '../tiny.case.ts'
import { openCheckpoint } from '../weights/checkpoint.ts'
import { writeInitialCheckpoint } from '../weights/initial.ts'
import { type Plan, type PlanRequest, planAgain, planRun } from './plan.ts'

const { root, remove } = temporary()
afterAll(remove)

const base = join(root, 'base')
writeInitialCheckpoint(
  base,
  {
    ...{ model_type: 'llama', hidden_size: 256, intermediate_size: 512, num_hidden_layers: 4 },
    ...{ num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 4096 },
  },
  1,
)
const model = openModel(base)
const checkpoint = openCheckpoint(base)
const prefix: Tuning = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 16, prefix_projection: false }

function requestOf(
  changed: Partial<PlanRequest> = {},
  asked: Partial<PlanRequest['args']> = {},
): PlanRequest {
  const { method = prefix } = changed
  return {
    ...{ model, checkpoint, method, adapter: sketchAdapter({ method, base }, model, checkpoint) },
    ...{ longest: 256, labelled: 128, available: 1e12, mayQuantize: true },
    ...changed,
    args: { ...args, per_device_train_batch_size: 12, gradient_accumulation_steps: 2, ...asked },
  }
}
const plan = (...request: Parameters<typeof requestOf>): Plan => planRun(requestOf(...request))

/** The plans that are chosen as there is less and less memory. */
function chosen(changed: Partial<PlanRequest> = {}, asked: Partial<PlanRequest['args']> = {}): Plan[] {
  const plans: Plan[] = []
  let available = 1e12
  for (;;) {
    try {
      plans.push(plan({ ...changed, available }, asked))
    } catch {
      return plans
    }
    available = plans.at(-1)!.memory.total - 1
  }
}

describe('a plan', () => {
  test('takes the whole batch at once and the base as it is, where that fits', () => {
    expect(plan()).toMatchObject({
      form: 'packed',
      checkpointing: 'selective',
      microBatch: 12,
      accumulation: 2,
    })
  })

  test('fits, and its parts make up the whole', () => {
    for (const { memory, available } of chosen()) {
      const { base, activations, optimizer, workspace, total } = memory
      expect(total).toBe(base + activations + optimizer + workspace)
      expect(total).toBeLessThanOrEqual(available)
    }
  })

  test('of less memory takes fewer samples at a time, then computes more again, then quantises', () => {
    const steps = chosen().map(
      ({ form, checkpointing, microBatch }) => `${form} ${checkpointing} ${microBatch}`,
    )
    const first = (level: string) => [12, 6, 3, 2, 1].map((n) => `packed ${level} ${n}`)
    expect(steps.slice(0, 5)).toEqual(first('selective'))
    expect(steps.slice(5).some((step) => step.startsWith('packed full'))).toBe(true)
    expect(steps.at(-1)).toMatch(/^int4.* full 1$/)
  })

  test('of several runs counts the rows and the optimizers of all, and lets fewer share a batch where memory is short', () => {
    const [one, three] = [plan(), plan({ members: 3 })]
    expect(three).toMatchObject({ microBatch: 12, together: 3 })
    expect(three.memory).toEqual({
      ...plan({}, { per_device_train_batch_size: 36 }).memory,
      optimizer: 3 * one.memory.optimizer,
      total: expect.any(Number),
    })
    const sizes = chosen({ members: 3 }).map(({ microBatch, together }) => [microBatch, together])
    expect(sizes.slice(0, 7)).toEqual([
      [12, 3],
      [6, 3],
      [3, 3],
      [2, 3],
      [1, 3],
      [1, 2],
      [1, 1],
    ])
  })

  test('made for a run alone is kept in a group, as far as it decides the numbers', () => {
    const request = requestOf({ members: 4 })
    const begun = plan({ available: chosen()[1]!.memory.total })
    const again = planAgain(begun, request)
    expect(again).toMatchObject({ microBatch: 6, accumulation: 4, form: 'packed', together: 4 })
    expect(planAgain(begun, { ...request, available: again.memory.total - 1 })).toMatchObject({
      microBatch: 6,
      together: 2,
    })
    expect(planAgain(begun, { ...request, available: 1 })).toMatchObject({ microBatch: 6, together: 1 })
  })

  test('keeps the effective batch', () => {
    for (const { microBatch, accumulation } of chosen())
      expect(accumulation).toBe(2 * Math.ceil(12 / microBatch))
  })

  test('keeps to what was asked for', () => {
    const plans = chosen({}, { quantization_bit: 8, gradient_checkpointing: 'none' })
    for (const { form, checkpointing } of plans)
      expect([form.slice(0, 4), checkpointing]).toEqual(['int8', 'none'])
    for (const { form } of chosen({}, { quantization_bit: 0 })) expect(form).not.toMatch(/^int/)
    for (const { form } of chosen({ mayQuantize: false })) expect(form).not.toMatch(/^int/)
  })

  test('of all weights counts each of them with its moments, and quantises nothing', () => {
    const method: Tuning = { peft_type: 'FULL' }
    const values = [...checkpoint.tensors.values()].reduce(
      (n, { shape }) => n + shape.reduce((a, b) => a * b, 1),
      0,
    )
    const { memory } = plan({ method })
    expect(memory).toMatchObject({ base: 0, optimizer: 20 * values })
    for (const { form } of chosen({ method })) expect(form).not.toMatch(/^int/)
    expect(() => plan({ method }, { quantization_bit: 4 })).toThrow('FULL trains all weights')
  })
})

test('where nothing fits, both numbers are told', () => {
  expect(() => plan({ available: 2 ** 20 })).toThrow(
    /needs 0\.2 GiB at least \(base int4\S*, checkpointing full, 1 sample at a time\), and there are 0\.0 GiB/,
  )
})
