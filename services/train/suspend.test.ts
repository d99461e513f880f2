/** Of two workers one is suspended for longer than its lease; the other goes on, and then the first one wakes up. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { leaseMs } from '../../infra/db/lease.ts'
import { adapters, jobEvents } from '../../infra/db/tables/index.ts'
import { usualPoll } from '../../infra/work.ts'
import { getJob, type JobId } from './job.ts'
import { corpus, setUp } from './train.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
beforeAll(async () => {
  at = await setUp()
})
afterAll(() => at.tearDown())
afterEach(() => {
  for (const { process } of workers.splice(0)) process.kill('SIGKILL')
})

type Worker = { process: ChildProcess; said: { msg: string; job?: string; attempt?: number }[] }
const workers: Worker[] = []

/** A worker in a process of its own, and what it logs. */
function startWorker(): Worker {
  const file = new URL('./worker.case.ts', import.meta.url)
  const worker: Worker = { process: fork(file, [at.url, at.root, '3000']), said: [] }
  worker.process.on('message', (line) => worker.said.push(line as Worker['said'][number]))
  workers.push(worker)
  return worker
}

const patiently = { timeout: 40_000, interval: 20 }
const args = { max_steps: 300, save_steps: 20, eval_steps: 100, per_device_train_batch_size: 2 }

async function create(training_file: string, training_args: Partial<typeof args> = args): Promise<JobId> {
  const peft = { peft_type: 'LORA', r: 2, lora_dropout: 0.1 } as never
  return (await at.create({ training_file, training_args: { ...args, ...training_args }, peft })).id as JobId
}
const stepOf = async (id: JobId) => (await at.metrics(id)).at(-1)?.[0] ?? 0
const statusOf = async (id: JobId) => (await getJob(at, id)).status

test('a worker that wakes up after its lease has lost the job: nothing it writes is kept, and it goes on to other work', async () => {
  const training_file = await at.upload(corpus)
  const [whole, id] = [await create(training_file), await create(training_file)]
  await at.validate(whole)
  await at.run(whole)

  const first = startWorker()
  await vi.waitFor(async () => expect(await stepOf(id)).toBeGreaterThan(50), patiently)
  first.process.kill('SIGSTOP')
  const { attempt } = await getJob(at, id)
  const second = startWorker()
  const { stateStep } = await vi.waitFor(async () => {
    const row = await getJob(at, id)
    expect(row.attempt).toBe(attempt + 1)
    return row
  }, patiently)
  await vi.waitFor(async () => expect(await stepOf(id)).toBeGreaterThan(stateStep! + 30), patiently)
  first.process.kill('SIGCONT')
  const lost = expect.objectContaining({ msg: expect.stringMatching(/^lost the job: /), job: id, attempt })
  await vi.waitFor(() => expect(first.said).toContainEqual(lost), patiently)
  expect(await statusOf(id)).toBe('running') // the other one is still at it

  await vi.waitFor(async () => expect(await statusOf(id)).toBe('succeeded'), patiently)
  second.process.disconnect()
  await once(second.process, 'exit')
  expect(second.said).toEqual([])
  expect(await at.metrics(id)).toEqual(await at.metrics(whole))
  expect(await filesOf(id)).toEqual(await filesOf(whole))
  const told = (await eventsOf(id)).filter((message) => !/^(Step|Base model|Checkpoint)/.test(message))
  const ofTraining = (message: string) => /^(Training|Memory plan)/.test(message)
  expect(told.filter((message) => !ofTraining(message)).slice(2)).toEqual([
    'Files validated, moving job to queued state',
    'Fine-tuning job started',
    `The worker that ran this job was lost; it goes on from step ${stateStep}`,
    expect.stringMatching(/^New fine-tuned model created/),
    'The job has successfully completed',
  ])
  expect(told.filter(ofTraining)).toHaveLength(4) // told by two workers, and by no third

  const other = await create(training_file, { max_steps: 2 })
  await vi.waitFor(async () => expect(await statusOf(other)).toBe('succeeded'), patiently)
}, 120_000)

test('a lease and a poll, after which a worker that died is missed, are less than 15 seconds', () => {
  expect(leaseMs + usualPoll).toBeLessThan(15_000)
})

async function eventsOf(id: JobId): Promise<string[]> {
  const rows = await at.db.select().from(jobEvents).where(eq(jobEvents.jobId, id)).orderBy(jobEvents.position)
  return rows.map(({ message }) => message)
}

/** The weights of every model that the job made, in the order they were made. */
async function filesOf(id: JobId): Promise<string[]> {
  const rows = await at.db.select().from(adapters).where(eq(adapters.jobId, id)).orderBy(adapters.createdAt)
  const files = rows.map(({ objectKey }) => at.store.bytes(`${objectKey}/adapter_model.safetensors`))
  return (await Promise.all(files)).map((bytes) => Buffer.from(bytes).toString('base64'))
}
