import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { AdapterFiles } from './adapters/adapter-files.ts'
import type { Conversation } from './text/sample.ts'
import { args, runOf, talk, temporary, writeBase, writeFiles } from './tiny.case.ts'
import { type TrainEvent, type TrainRun, train } from './train.ts'
import { openCheckpoint } from './weights/checkpoint.ts'
import { decodeSafetensors } from './weights/safetensors.ts'

const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, prefix_projection: false } as const
const projected = { ...prefix, prefix_projection: true, encoder_hidden_size: 24 } as const
const lora = {
  peft_type: 'LORA',
  r: 4,
  lora_alpha: 8,
  lora_dropout: 0,
  target_modules: 'all-linear',
  use_rslora: false,
  rank_pattern: {},
  alpha_pattern: {},
} as const
const dropping = { ...lora, lora_dropout: 0.2 } as const
const full = { peft_type: 'FULL' } as const
const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
const dev = [talk('9?', 'nine'), talk('10?', 'ten, ha')]

const { root, remove } = temporary()
afterAll(remove)
const conversations = words.map((word, i) => talk(`${i + 1}?`, `${word}, ${'ha '.repeat(i)}`)) // no two of a length
const run: TrainRun = {
  base: writeBase(join(root, 'base')),
  train: conversations,
  dev: [],
  method: prefix,
  args,
}
const withArgs = (changed: Partial<typeof args>, more: Partial<TrainRun> = {}): TrainRun => ({
  ...run,
  ...more,
  args: { ...args, ...changed },
})

const tensorsOf = (files: AdapterFiles) => {
  const name = Object.keys(files).find((file) => file.endsWith('.safetensors'))!
  return decodeSafetensors(files[name]!, name)
}
/** The largest difference between two runs' trained values. */
function difference(a: AdapterFiles, b: AdapterFiles): number {
  const others = tensorsOf(b)
  const worst = [...tensorsOf(a)].map(([name, { data }]) => {
    const other = others.get(name)!.data
    return data.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0)
  })
  return Math.max(...worst)
}

/** What happened, without how long it took. */
const untimed = (event: TrainEvent) => ({ ...event, tokensPerSecond: 0, ms: 0 })

describe('the losses', () => {
  test('of the same run are the same, and so are its files; another seed gives others', async () => {
    const [one, again] = [await runOf(run), await runOf(run)]
    const other = await runOf(withArgs({ seed: 2 }))
    expect(again.losses).toEqual(one.losses)
    expect(again.end.files).toEqual(one.end.files)
    expect(other.losses).not.toEqual(one.losses)
    expect(other.end.files).not.toEqual(one.end.files)
  })

  test.each([
    ['a prefix', prefix, 1, [5.8668, 5.7329, 5.6936, 5.6511]],
    ['a projected prefix', projected, 1, [5.8673, 5.7272, 5.6739, 5.621]],
    ['a LoRA', lora, 3e-2, [5.8481, 5.7206, 5.5844, 5.7111]],
    ['a LoRA with dropout', dropping, 3e-2, [5.8481, 5.7217, 5.5879, 5.4494]],
    ['a prefix from zero', { ...prefix, init_weights: 'zero' }, 1, [5.8488, 5.71, 5.6808, 5.6428]],
    [
      'a prefix from text',
      { ...prefix, init_weights: 'text', init_text: 'ha' },
      0.1,
      [5.8423, 5.8035, 5.7979, 5.7767],
    ],
    ['all weights', full, 1e-2, [5.8481, 5.49, 5.0749, 4.6518]],
  ] as const)('of %s are those that were written down', async (_, method, learning_rate, written) => {
    const { losses } = await runOf(withArgs({ learning_rate }, { method }))
    expect(losses.length).toBe(written.length)
    for (const [i, loss] of written.entries()) expect(Math.abs(losses[i]! - loss)).toBeLessThan(1.5e-4)
  })

  test('of two accumulated batches of two are those of one batch of four, and so are the weights', async () => {
    const whole = await runOf(withArgs({}, { method: full }))
    const two = { gradient_accumulation_steps: 2, per_device_train_batch_size: 2 }
    const halves = await runOf(withArgs(two, { method: full }))
    expect(halves.losses.length).toBe(whole.losses.length)
    for (const [i, loss] of whole.losses.entries()) expect(halves.losses[i]).toBeCloseTo(loss, 5)
    expect(difference(halves.end.files, whole.end.files)).toBeLessThan(1e-5)
  })
})

describe('packed into rows', () => {
  const methods = [
    ['a prefix', prefix],
    ['a LoRA', lora],
    ['all weights', full],
  ] as const

  test.each(methods)(
    'samples give %s the losses and weights that they give one by one',
    async (_, method) => {
      const all = { per_device_train_batch_size: words.length, learning_rate: 3e-3 } // every step sees all samples
      const plain = await runOf(withArgs(all, { method }))
      const packed = await runOf(withArgs({ ...all, packing: true }, { method }))
      for (const [i, loss] of plain.losses.entries())
        expect(Math.abs(packed.losses[i]! - loss)).toBeLessThan(1e-5)
      expect(difference(packed.end.files, plain.end.files)).toBeLessThan(1e-4)
      expect(packed.end.trainedTokens).toBe(plain.end.trainedTokens)
      expect(packed.start.trainSamples).toBe(words.length)
    },
  )

  test('an epoch takes fewer steps, and trains on every sample once', async () => {
    const epoch = { max_steps: 0, per_device_train_batch_size: 1, num_train_epochs: 2 }
    const plain = await runOf(withArgs(epoch))
    const packed = await runOf(withArgs({ ...epoch, packing: true }))
    expect([plain.start.steps, packed.start.steps]).toEqual([16, 8])
    expect(packed.losses.length).toBe(8)
    expect(packed.end.trainedTokens).toBe(plain.end.trainedTokens)
  })
})

describe('the best weights', () => {
  const overfit = withArgs(
    { max_steps: 10, eval_steps: 1, save_steps: 1, learning_rate: 3e-2 },
    { method: full, train: conversations.slice(0, 2), dev },
  )

  test('are returned when asked for, with their step', async () => {
    const args = { ...overfit.args, load_best_model_at_end: true }
    const { evals, checkpoints, end } = await runOf({ ...overfit, args })
    const best = evals.slice(1).reduce((a, b) => (b.loss < a.loss ? b : a))
    expect(best.step).toBeLessThan(10) // the run gets worse again, or this would show nothing
    expect(end.step).toBe(best.step)
    expect(end.files).toEqual(checkpoints.find(({ step }) => step === best.step)!.files)
  })

  test('and the last ones are both kept: one is returned, the other a checkpoint', async () => {
    const args = { ...overfit.args, save_steps: 0 }
    const last = await runOf({ ...overfit, args })
    const best = await runOf({ ...overfit, args: { ...args, load_best_model_at_end: true } })
    expect([last.end.step, last.checkpoints.length, best.checkpoints.length]).toEqual([10, 1, 1])
    expect(best.end).toMatchObject({ step: last.checkpoints[0]!.step, files: last.checkpoints[0]!.files })
    expect(best.checkpoints[0]).toMatchObject({ step: 10, files: last.end.files })
  })

  test('are no checkpoint twice', async () => {
    const { checkpoints, end } = await runOf(overfit)
    expect(end.step).toBe(10)
    expect(checkpoints.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test.each([
    ['accuracy', 'accuracy', Math.max],
    ['eval_rouge-l', 'rouge-l', Math.max],
  ] as const)('are those of the highest %s when that is the metric', async (metric, key, most) => {
    const args = {
      ...{ ...overfit.args, save_steps: 0, metric_for_best_model: metric, predict_with_generate: true },
      ...{ load_best_model_at_end: true, generation_max_new_tokens: 8 },
    }
    const { evals, end } = await runOf({ ...overfit, args })
    const values = evals.slice(1).map((evaluation) => evaluation[key]!)
    expect(end.step).toBe(evals[1 + values.indexOf(most(...values))]!.step) // of equal ones the first
  })
})

describe('early stopping', () => {
  const overfit = withArgs(
    { max_steps: 30, eval_steps: 1, learning_rate: 3e-2, early_stopping_patience: 2 },
    { method: full, train: conversations.slice(0, 2), dev },
  )
  const patient = (changed: Partial<typeof args>) =>
    runOf({ ...overfit, args: { ...overfit.args, ...changed } })

  test('ends a run after as many evaluations without a better one as it has patience for', async () => {
    const { evals, losses, end } = await runOf(overfit)
    const best = evals.slice(1).reduce((a, b) => (b.loss < a.loss ? b : a))
    expect(end).toMatchObject({ step: best.step + 2, last: best.step + 2, stoppedEarly: true })
    expect(evals.at(-1)!.step).toBe(end.last)
    expect(losses.length).toBe(end.last)
  })

  test('gives the best weights where these are asked for', async () => {
    const { checkpoints, end } = await patient({ load_best_model_at_end: true })
    expect(end.step).toBe(end.last - 2)
    expect(checkpoints.map(({ step }) => step)).toEqual([end.last])
  })

  test('tells the steps since it last told of some', async () => {
    const { events, end } = await patient({ logging_steps: 0 })
    expect(events.filter(({ type }) => type === 'step')).toMatchObject([{ step: end.last }])
  })

  test('counts what is better by no more than the threshold as no better', async () => {
    const { end } = await patient({ early_stopping_threshold: 100 })
    expect(end.last).toBe(3) // the first evaluation has nothing before it
  })

  test('of no patience does nothing', async () => {
    expect((await patient({ early_stopping_patience: 0 })).end).toMatchObject({
      last: 30,
      stoppedEarly: false,
    })
  })

  test('by a metric that nobody measures is refused', async () => {
    await expect(patient({ metric_for_best_model: 'bleu-4' })).rejects.toThrow('predict_with_generate')
  })

  test('of a run that was resumed is that of the whole run', async () => {
    const args = {
      ...overfit.args,
      save_steps: 1,
      early_stopping_threshold: 0.01,
      load_best_model_at_end: true,
    }
    const whole = await runOf({ ...overfit, args })
    const states = whole.events.filter((event) => event.type === 'state')
    expect(states.length).toBe(whole.end.last - 1)
    for (const { step, state } of states) {
      const rest = await runOf({ ...overfit, args, resume: state })
      expect(rest.end).toEqual(whole.end)
      const later = whole.evals.filter((evaluation) => evaluation.step > step)
      expect(rest.evals.map(untimed)).toEqual(later.map(untimed))
    }
  })
})

test('events come in order: start, the base, then steps, evaluations and checkpoints when due, end', async () => {
  const { events, start, end } = await runOf(
    withArgs({ max_steps: 5, logging_steps: 2, eval_steps: 2, save_steps: 2, warmup_steps: 4 }, { dev }),
  )
  const told = events.map((e) => ('step' in e ? `${e.type} ${e.step}` : e.type))
  expect(told).toEqual([
    'start',
    'eval 0',
    ...['step 2', 'eval 2', 'checkpoint 2', 'state 2'],
    ...['step 4', 'eval 4', 'checkpoint 4', 'state 4'],
    ...['step 5', 'eval 5', 'end 5'],
  ])
  expect(start).toEqual({
    type: 'start',
    steps: 5,
    trainSamples: 8,
    devSamples: 2,
    trainableParameters: 4 * 2 * 2 * 16, // tokens × layers × (key, value) × row width
    truncated: [],
    plan: {
      ...{ form: 'packed', checkpointing: 'selective', microBatch: 4, accumulation: 1, together: 1 },
      ...{ memory: expect.any(Object), available: expect.any(Number) },
    },
  })
  const steps = events.filter((e) => e.type === 'step')
  expect(steps.map((e) => e.learningRate)).toEqual([0.0025, 0.0075, 0.01])
  expect(steps.at(-1)!.tokens).toBe(end.trainedTokens)
})

describe('a run that goes on from a state', () => {
  const methods = [
    ['a prefix', prefix],
    ['a projected prefix', projected],
    ['a LoRA with dropout', dropping],
    ['all weights', full],
    ['a prefix on packed rows', prefix, { packing: true }],
  ] as const
  const changed: Partial<typeof args> = {
    ...{ max_steps: 9, logging_steps: 2, eval_steps: 4, save_steps: 3, group_by_length: true },
    ...{ lr_scheduler_type: 'cosine', warmup_steps: 2, load_best_model_at_end: true, learning_rate: 3e-2 },
    ...{ gradient_accumulation_steps: 2, per_device_train_batch_size: 2 },
  }

  test.each(methods)(
    'with %s tells what the whole run told, to the last digit',
    async (_, method, more: Partial<typeof args> = {}) => {
      const settings = { ...changed, ...more }
      const whole = await runOf(withArgs(settings, { method, dev }))
      for (const { step, state } of whole.events.filter((event) => event.type === 'state')) {
        const rest = await runOf(withArgs(settings, { method, dev, resume: state }))
        const later = whole.events.filter((event) => 'step' in event && event.step > step)
        expect(rest.events.slice(1).map(untimed)).toEqual([...later.slice(0, -1), whole.end].map(untimed))
      }
    },
  )

  test('is refused when it is another run', async () => {
    const { events } = await runOf(withArgs(changed))
    const { state: resume } = events.find((event) => event.type === 'state')!
    await expect(runOf(withArgs({ ...changed, learning_rate: 1e-3 }, { resume }))).rejects.toThrow(
      'other data or settings',
    )
    await expect(runOf(withArgs(changed, { resume, train: conversations.slice(1) }))).rejects.toThrow(
      'other data',
    )
  })
})

describe('a run on files tells what it tells on the same conversations in memory', () => {
  const fileOf = (name: string, list: readonly Conversation[]) => {
    const path = join(root, name)
    writeFileSync(path, JSON.stringify(list.map((conversations) => ({ conversations }))))
    return path
  }
  const files = {
    train: { files: [fileOf('1.json', conversations.slice(0, 5)), fileOf('2.json', conversations.slice(5))] },
    dev: { files: [fileOf('dev.json', dev)] },
  }
  test.each([
    ['in random order', {}],
    ['grouped by length', { group_by_length: true }],
    ['packed', { packing: true }],
  ])('%s', async (_, changed) => {
    const settings = { ...changed, eval_steps: 2, per_device_train_batch_size: 2 }
    const [own, others] = [await runOf(withArgs(settings, files)), await runOf(withArgs(settings, { dev }))]
    expect(own.events.map(untimed)).toEqual(others.events.map(untimed))
  })
})

test('epochs decide how many steps there are when max_steps does not', async () => {
  const { start, end } = await runOf(withArgs({ max_steps: 0, num_train_epochs: 2.2, logging_steps: 0 }))
  expect([start.steps, end.step]).toEqual([5, 5])
})

test('an abort stops a run before its next step', async () => {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  const stopped = (async () => {
    for await (const event of train(withArgs({ max_steps: 1000 }), controller.signal)) {
      events.push(event)
      if (event.type === 'step' && event.step === 2) controller.abort()
    }
  })()
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  expect(events.map((e) => e.type)).toEqual(['start', 'step', 'step'])
})

test('an abort stops a run that still reads its data', async () => {
  const controller = new AbortController()
  const many = Array.from({ length: 600 }, (_, i) => talk(`${i}`, 'ha'))
  const first = train({ ...run, train: many }, controller.signal).next()
  setImmediate(() => controller.abort())
  await expect(first).rejects.toMatchObject({ name: 'AbortError' })
})

test('a pause ends a run after its step with a state', async () => {
  const controller = new AbortController()
  const events: TrainEvent[] = []
  for await (const event of train(withArgs({ max_steps: 1000 }), undefined, controller.signal)) {
    events.push(event)
    if (event.type === 'step' && event.step === 2) controller.abort()
  }
  expect(events.map((e) => e.type)).toEqual(['start', 'step', 'step', 'state'])
  expect(events.at(-1)).toMatchObject({ step: 2 })
})

test('an abort stops an evaluation between batches', async () => {
  const controller = new AbortController()
  const run = withArgs({ per_device_eval_batch_size: 1 }, { dev })
  const events = train(run, controller.signal)
  await events.next()
  controller.abort()
  await expect(events.next()).rejects.toMatchObject({ name: 'AbortError' })
})

test('a LoRA starts as the base, and drops nothing while it is measured', async () => {
  const { evals } = await runOf(withArgs({ learning_rate: 1e-9, eval_steps: 1 }, { method: dropping, dev }))
  for (const { loss } of evals) expect(loss).toBeCloseTo(evals[0]!.loss, 5)
})

test.each([
  ['a text behind an MLP', { ...projected, init_weights: 'text', init_text: 'ha' }, 'prefix_projection'],
  ['no text', { ...prefix, init_weights: 'text' }, 'init_text'],
  ['no module of the base', { ...lora, target_modules: ['query_key_value'] }, 'there are: q_proj, k_proj'],
] as const)('settings that ask for %s are refused', async (_, method, message) => {
  const refused = runOf({ ...run, method })
  await expect(refused).rejects.toMatchObject({ code: 'invalid_training_data' })
  await expect(refused).rejects.toThrow(message)
})

test('all weights, once trained, open as a base of their own', async () => {
  const { evals, end } = await runOf(withArgs({}, { method: full, dev }))
  const directory = writeFiles(join(root, 'taught'), end.files)
  const shapes = (at: string) => [...openCheckpoint(at).tensors].map(([name, { shape }]) => [name, shape])
  expect(shapes(directory)).toEqual(shapes(run.base))
  const again = await runOf({ ...run, base: directory, dev })
  expect(again.evals[0]!.loss).toBeCloseTo(evals.at(-1)!.loss, 6)
  expect(evals.at(-1)!.loss).toBeLessThan(evals[0]!.loss - 0.1)
})
