/** Jobs that ask to be trained together: one worker takes them all, and each has its own way. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { eq, inArray } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { newId } from '../../contract/ids.ts'
import { Peft } from '../../contract/peft.ts'
import { adapters, jobs, projects } from '../../infra/db/tables/index.ts'
import { cancelJob } from './cancel-job.ts'
import { getJob, type JobId } from './job.ts'
import { companyOf, lineOf } from './line.ts'
import { pauseJob, resumeJob } from './pause-job.ts'
import { startJobs } from './start.ts'
import { corpus, setUp } from './train.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
let training_file: `file-${string}`
beforeAll(async () => {
  at = await setUp()
  training_file = await at.upload(corpus)
})
afterAll(() => at.tearDown())

type Asked = NonNullable<Parameters<typeof at.create>[0]>

/** A job whose files are validated, and that asks for company. */
async function queued(training_args: Asked['training_args'], more: Asked = {}): Promise<JobId> {
  const args = { train_together: true, ...training_args }
  const id = (await at.create({ training_file, training_args: args, ...more })).id as JobId
  await at.validate(id)
  return id
}

/** The numbers of the same job, trained alone; states that are kept on the way change none. */
async function alone({ save_steps: _, ...training_args }: NonNullable<Asked['training_args']>) {
  const key = JSON.stringify(training_args)
  const known = numbersAlone.get(key)
  if (known) return known
  const id = await queued({ ...training_args, train_together: false })
  await at.run(id)
  const numbers = await at.metrics(id)
  numbersAlone.set(key, numbers)
  return numbers
}
const numbersAlone = new Map<string, Awaited<ReturnType<typeof at.metrics>>>()

const messages = async (id: JobId) => (await at.events(id)).map(({ message }) => message)
const statuses = async (ids: readonly JobId[]) =>
  Promise.all(ids.map(async (id) => (await at.job(id)).status))
const modelsOf = (id: JobId) => at.db.select().from(adapters).where(eq(adapters.jobId, id))

/** Waits until the job has told of its first step. */
const training = (id: JobId) =>
  vi.waitFor(async () => expect(await messages(id)).toContainEqual(expect.stringMatching(/^Step 1\//)), {
    timeout: 20_000,
  })

/** Expects the same steps with the same numbers, to 1e-4. */
function expectSame(got: Awaited<ReturnType<typeof alone>>, wanted: typeof got): void {
  expect(got.map(([step]) => step)).toEqual(wanted.map(([step]) => step))
  for (const [i, numbers] of got.entries())
    for (const [j, number] of numbers.entries())
      if (number !== undefined) expect(Math.abs(number - wanted[i]![j]!)).toBeLessThan(1e-4)
}

const pace = { pollMs: 20 }

/** Steps take longer than it takes to write them down. */
const effort = { per_device_train_batch_size: 2, gradient_accumulation_steps: 4 }
const [short, slow, wild] = [
  { max_steps: 4, seed: 2, save_steps: 2 },
  { ...effort, max_steps: 40, seed: 3, eval_steps: 20 },
  { max_steps: 40, seed: 4, learning_rate: 1e38, max_grad_norm: 0 },
] as const

describe('jobs that are trained together', () => {
  test('end each with its own model and the numbers that it has alone, and name the others', async () => {
    const settings = [short, { ...short, seed: 7, max_steps: 6 }, { ...short, seed: 8, learning_rate: 0.1 }]
    const ids = [await queued(settings[0]), await queued(settings[1]), await queued(settings[2])]
    const others = [
      await queued({ ...short, train_together: false }),
      await queued(short, { peft: Peft.parse({ num_virtual_tokens: 4 }) }),
      await queued(short, { peft: Peft.parse({ peft_type: 'LORA', r: 2 }) }),
    ]
    await at.run(ids[1]!)
    expect(await statuses(ids)).toEqual(Array(3).fill('succeeded'))
    expect(await statuses(others)).toEqual(Array(3).fill('queued'))
    for (const [i, id] of ids.entries()) {
      const company = (await messages(id)).filter((message) => message.startsWith('Trained together with'))
      expect(company).toHaveLength(1)
      for (const other of ids) expect(company[0]!.includes(other)).toBe(other !== id)
      expect(await messages(id)).toContainEqual(
        expect.stringMatching(/^Memory plan: .*, of 3 jobs like this/),
      )
      expect(await modelsOf(id)).toHaveLength(settings[i]!.max_steps / 2)
      expectSame(await at.metrics(id), await alone(settings[i]!))
    }
    for (const id of others) await at.run(id)
    expect(await statuses(others)).toEqual(Array(3).fill('succeeded'))
    expect((await messages(others[1]!)).join()).not.toContain('together')
    expect(await messages(others[2]!)).toContain(
      'train_together is for PREFIX_TUNING; a job of LORA trains alone',
    )
  })

  test('go on when one of them is cancelled, one diverges and one cannot begin', async () => {
    const [whole, endless, diverging] = [
      await queued(slow),
      await queued({ ...slow, max_steps: 1_000_000 }),
      await queued(wild),
    ]
    const unfit = await queued({ max_output_length: 1000 })
    const running = at.run(whole)
    await training(endless)
    await cancelJob(at, endless)
    await running
    expect(await statuses([whole, endless, diverging, unfit])).toEqual([
      ...['succeeded', 'cancelled', 'failed', 'failed'],
    ])
    expect((await at.job(diverging)).error).toMatchObject({ code: 'training_diverged' })
    expect((await at.job(unfit)).error).toMatchObject({ code: 'invalid_training_data' })
    expect(await modelsOf(endless)).toEqual([])
    expectSame(await at.metrics(whole), await alone(slow))
  })

  test('are paused alone, and go on from there', async () => {
    const [one, other] = [await queued(slow), await queued({ ...slow, max_steps: 3000, eval_steps: 0 })]
    const running = at.run(one)
    await training(other)
    await pauseJob(at, other)
    await running
    expect(await statuses([one, other])).toEqual(['succeeded', 'paused'])
    const { stateStep } = await getJob(at, other)
    expect(stateStep).toBe((await at.metrics(other)).at(-1)![0])
    await resumeJob(at.own, other)
    const again = at.run(other)
    await vi.waitFor(async () => expect((await at.metrics(other)).at(-1)![0]).toBeGreaterThan(stateStep!), {
      timeout: 20_000,
    })
    await cancelJob(at, other)
    await again
    const steps = (await at.metrics(other)).map(([step]) => step).slice(1) // without the base
    expect(steps).toEqual(steps.map((_, i) => i + 1))
  })

  test('are let go one by one: who is paused and resumed goes on elsewhere while the others train', async () => {
    const endless = { ...slow, max_steps: 1_000_000, eval_steps: 0 }
    const [one, other] = [await queued(endless), await queued({ ...endless, seed: 5 })]
    const workers = [startJobs(at.deps, pace)]
    for (const id of [one, other]) await training(id)
    await pauseJob(at, other)
    const isFree = async () => expect(Number((await getJob(at, other)).leaseUntil)).toBeLessThan(Date.now())
    await vi.waitFor(isFree, 5000)
    await resumeJob(at.own, other)
    workers.push(startJobs(at.deps, pace))
    await vi.waitFor(async () => {
      expect(await getJob(at, other)).toMatchObject({ status: 'running', attempt: 3 })
    }, 5000)
    expect(await getJob(at, one)).toMatchObject({ status: 'running', attempt: 2 })
    for (const id of [one, other]) await cancelJob(at, id)
    await Promise.all(workers.map(({ stop }) => stop()))
  })

  test('go back in line together when the server stops, and later go on together', async () => {
    const settings = [slow, { ...slow, seed: 9 }]
    const ids = [await queued(settings[0]), await queued(settings[1])]
    const stop = new AbortController()
    const running = at.run(ids[0]!, stop.signal)
    for (const id of ids) await training(id)
    stop.abort()
    await running
    expect(await statuses(ids)).toEqual(['queued', 'queued'])
    await at.run(ids[1]!)
    expect(await statuses(ids)).toEqual(['succeeded', 'succeeded'])
    for (const [i, id] of ids.entries()) expectSame(await at.metrics(id), await alone(settings[i]!))
  })

  test('lose nothing when their worker is killed', async () => {
    const settings = [
      { ...slow, save_steps: 5 },
      { ...slow, save_steps: 7 },
    ]
    const ids = [await queued(settings[0]), await queued(settings[1])]
    const worker = fork(new URL('./worker.case.ts', import.meta.url), [at.url, at.root, '500'])
    const over = once(worker, 'exit')
    for (const id of ids)
      while (worker.exitCode === null && (await getJob(at, id)).stateStep === null) await sleep(5)
    worker.kill('SIGKILL')
    await over
    expect(await statuses(ids)).toEqual(['running', 'running'])
    await at.run(ids[1]!)
    expect(await statuses(ids)).toEqual(['succeeded', 'succeeded'])
    for (const [i, id] of ids.entries()) {
      expect(await messages(id)).toContainEqual(
        expect.stringMatching(/^The worker .* was lost; it goes on from/),
      )
      expectSame(await at.metrics(id), await alone(settings[i]!))
      const lines = (await at.results(id)).trimEnd().split('\n')
      expect(lines.map((line) => line.split(',')[0])).toEqual(['step', ...Array(41).keys()].map(String))
    }
  })
})

test('a line is of one project: events of one do not name jobs of another', async () => {
  const [ours, alike, theirs] = [await queued(short), await queued(short), await queued(short)]
  const id = newId('project')
  await at.db.insert(projects).values({ id, name: 'another' })
  await at.db.update(jobs).set({ project: id }).where(eq(jobs.id, theirs))
  await vi.waitFor(async () => {
    expect(await companyOf(at.db, await getJob(at, ours))).toEqual([ours, alike])
    expect(await companyOf(at.db, await getJob({ ...at, project: id }, theirs))).toEqual([theirs])
  }, 5000)
  for (const job of [ours, alike]) await cancelJob(at, job)
})

test('a job that was begun twice in vain is trained alone', async () => {
  const [fatal, ours, alike] = [await queued(short), await queued(short), await queued(short)]
  await at.db
    .update(jobs)
    .set({ stalls: 1 })
    .where(inArray(jobs.id, [ours, alike]))
  await at.db.update(jobs).set({ stalls: 2 }).where(eq(jobs.id, fatal))
  await vi.waitFor(async () => {
    expect(await companyOf(at.db, await getJob(at, ours))).toEqual([ours, alike])
    expect(await companyOf(at.db, await getJob(at, fatal))).toEqual([fatal])
  }, 5000)
})

test('a line is shared by jobs whose rows can be of one batch', async () => {
  const lineWith = async (args: Asked['training_args'], more?: Asked) =>
    lineOf(await getJob(at, await queued(args, more)))
  const line = await lineWith({})
  expect(await lineWith({ learning_rate: 1, max_steps: 9, seed: 5 })).toBe(line)
  const others = [
    await lineWith({ train_together: false }),
    await lineWith({ device: 'webgpu' }),
    await lineWith({ quantization_bit: 4 }),
    await lineWith({}, { peft: Peft.parse({ num_virtual_tokens: 4 }) }),
  ]
  expect(new Set([line, ...others]).size).toBe(5)
})
