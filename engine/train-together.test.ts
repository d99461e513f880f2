import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { args, runOf, talk, temporary, writeBase } from './tiny.case.ts'
import { type TrainEvent, type TrainRun, train } from './train.ts'
import { trainTogether } from './train-together.ts'
import { decodeSafetensors } from './weights/safetensors.ts'

const { root, remove } = temporary()
afterAll(remove)
const base = writeBase(join(root, 'base'))
const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, prefix_projection: false } as const
const projected = { ...prefix, prefix_projection: true, encoder_hidden_size: 24 } as const
const lora = {
  peft_type: 'LORA',
  ...{ r: 4, lora_alpha: 8, lora_dropout: 0.2, target_modules: 'all-linear' },
  ...{ use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
} as const

const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
/** A run on conversations of its own. */
const jobOf = (name: string, changed: Partial<typeof args>, more: Partial<TrainRun> = {}): TrainRun => ({
  base,
  train: words.map((word, i) => talk(`${name} ${i + 1}?`, `${word}, ${'ha '.repeat(i % 5)}`)),
  dev: [talk(`${name} 9?`, 'nine')],
  method: prefix,
  args: { ...args, learning_rate: 0.1, ...changed },
  ...more,
})

/** Three that have nothing in common but their base, and the shape of what is trained. */
const jobs = [
  jobOf('a', { max_steps: 7, per_device_train_batch_size: 1, eval_steps: 3, save_steps: 2 }),
  jobOf('bee', { max_steps: 4, seed: 2, learning_rate: 0.3, weight_decay: 0.1, lr_scheduler_type: 'cosine' }),
  jobOf(
    'longer than the others',
    {
      max_steps: 9,
      seed: 3,
      per_device_train_batch_size: 3,
      gradient_accumulation_steps: 2,
      warmup_steps: 3,
    },
    { method: projected },
  ),
] as const

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>
const only = <Type extends TrainEvent['type']>(events: readonly TrainEvent[], type: Type) =>
  events.filter((event): event is EventOf<Type> => event.type === type)

const together = (runs: readonly TrainRun[], signals?: Parameters<typeof trainTogether>[1]) =>
  Promise.all(trainTogether(runs, signals).map((events) => Array.fromAsync(events)))

/** Expects the same events, numbers equal to 1e-4, and files with weights equal to 1e-4. */
function expectSame(got: readonly TrainEvent[], wanted: readonly TrainEvent[]): void {
  expect(got.map(nameOf)).toEqual(wanted.map(nameOf))
  for (const [i, event] of got.entries()) {
    const other = wanted[i]!
    if ('loss' in event && 'loss' in other) expect(Math.abs(event.loss - other.loss)).toBeLessThan(1e-4)
    if ('files' in event && 'files' in other) expect(difference(event, other)).toBeLessThan(1e-4)
  }
}
const nameOf = (event: TrainEvent) => ('step' in event ? `${event.type} ${event.step}` : event.type)

/** The largest difference between two events' trained values. */
function difference(a: Pick<EventOf<'end'>, 'files'>, b: Pick<EventOf<'end'>, 'files'>): number {
  const tensorsOf = ({ files }: Pick<EventOf<'end'>, 'files'>) =>
    decodeSafetensors(files['adapter_model.safetensors']!, 'adapter_model.safetensors')
  const others = tensorsOf(b)
  const worst = [...tensorsOf(a)].map(([name, { data }]) =>
    data.reduce((most, value, i) => Math.max(most, Math.abs(value - others.get(name)!.data[i]!)), 0),
  )
  return Math.max(...worst)
}

const alone = await Promise.all(jobs.map((job) => Array.fromAsync(train(job))))

describe('runs that are trained together', () => {
  test('tell what each of them tells alone, and end each in its own time', async () => {
    const all = await together(jobs)
    for (const [i, events] of all.entries()) expectSame(events, alone[i]!)
  })

  test('go on when one of them is stopped', async () => {
    const stop = new AbortController()
    const [first, second, third] = trainTogether(jobs, [{}, {}, { stop: stop.signal }])
    const stopped: TrainEvent[] = []
    const reading = (async () => {
      for await (const event of third!) {
        stopped.push(event)
        if (event.type === 'step' && event.step === 3) stop.abort()
      }
    })()
    const aborted = expect(reading).rejects.toMatchObject({ name: 'AbortError' })
    const others = Promise.all([first!, second!].map((events) => Array.fromAsync(events)))
    await aborted
    expectSame(stopped, alone[2]!.slice(0, stopped.length))
    expect(nameOf(stopped.at(-1)!)).toBe('step 3')
    for (const [i, events] of (await others).entries()) expectSame(events, alone[i]!)
  })

  test('go on when one of them is left, and when one has failed before its first step', async () => {
    const [first, second, third] = trainTogether([jobs[0], { ...jobs[1], train: [] }, jobs[2]])
    const leaving = (async () => {
      for await (const event of third!) if (event.type === 'step') break
    })()
    const failing = expect(second!.next()).rejects.toMatchObject({ code: 'invalid_training_data' })
    expectSame(await Array.fromAsync(first!), alone[0]!)
    await Promise.all([leaving, failing])
  })

  test('are paused alone, and go on from there alone or together', async () => {
    const pause = new AbortController()
    const [first, ...rest] = trainTogether(jobs, [{ pause: pause.signal }])
    const told: TrainEvent[] = []
    const reading = (async () => {
      for await (const event of first!) {
        told.push(event)
        if (event.type === 'step' && event.step === 3) pause.abort()
      }
    })()
    const others = await Promise.all(rest.map((events) => Array.fromAsync(events)))
    await reading
    for (const [i, events] of others.entries()) expectSame(events, alone[i + 1]!)
    expect(nameOf(told.at(-1)!)).toBe('state 3')

    const resume = only(told, 'state').at(-1)!.state
    const later = alone[0]!.filter((event) => 'step' in event && event.step > 3)
    expectSame((await Array.fromAsync(train({ ...jobs[0], resume }))).slice(1), later)
    const [again] = await together([{ ...jobs[0], resume }, jobs[1]])
    expectSame(again!.slice(1), later)
  })

  test('are not poisoned by one that diverges', async () => {
    const wild = jobOf('wild', { max_steps: 20, learning_rate: 1e38, max_grad_norm: 0, seed: 5 })
    const [events, diverged] = await together([jobs[2], wild])
    expect(only(diverged!, 'step').at(-1)!.loss).toBeNaN()
    expectSame(events!, alone[2]!)
  })

  test('have their base quantised once, by one of them', async () => {
    const cache = join(root, 'quantized')
    const all = await together(
      jobs.map((job) => ({ ...job, cache, args: { ...job.args, quantization_bit: 8 } })),
    )
    expect(all.filter((events) => only(events, 'quantize').length > 0)).toHaveLength(1)
    for (const events of all) expect(only(events, 'end')).toHaveLength(1)
    expect(readdirSync(cache).filter((name) => name.endsWith('.unfinished'))).toEqual([])
  })

  test('may be of any method: those that do not fit together take turns', async () => {
    const others = [
      jobOf('lora', { seed: 4 }, { method: lora }),
      jobOf('wide', { seed: 5 }, { method: { ...prefix, num_virtual_tokens: 6 } }),
    ]
    const all = await together([...others, jobs[1]])
    for (const [i, run] of others.entries()) expectSame(all[i]!, (await runOf(run)).events)
    expectSame(all[2]!, alone[1]!)
  })
})
