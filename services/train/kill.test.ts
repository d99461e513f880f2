/** A worker that is killed, again and again, loses nothing and tells nothing twice. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Random } from '../../engine/random.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { getJob, isEnd, type JobId } from './job.ts'
import { corpus, setUp } from './train.case.ts'

const kills = 20
let at: Awaited<ReturnType<typeof setUp>>
beforeAll(async () => {
  at = await setUp()
})
afterAll(() => at.tearDown())

test(`a job whose worker is killed ${kills} times tells the same losses and makes the same files`, async () => {
  const training_file = await at.upload(corpus)
  const training_args = {
    ...{ max_steps: 400, save_steps: 5, eval_steps: 50, per_device_train_batch_size: 2 },
    logging_steps: 3,
  }
  const peft = { peft_type: 'LORA', r: 2, lora_dropout: 0.1 } as never
  const create = async () => {
    const id = (await at.create({ training_file, training_args, peft })).id as JobId
    await at.validate(id)
    return id
  }
  const whole = await create()
  await at.run(whole)

  const id = await create()
  const random = new Random(1)
  let killed = 0
  while (killed < kills) {
    const worker = fork(new URL('./worker.case.ts', import.meta.url), [at.url, at.root, '300'])
    const over = once(worker, 'exit')
    const step = await lastStep(id)
    while (!(await isOver(id)) && (await lastStep(id)) <= step) await sleep(5)
    await sleep(100 * random.uniform())
    worker.kill('SIGKILL')
    await over
    if (await isOver(id)) break
    killed += 1
  }
  expect(killed).toBe(kills)
  await at.run(id)

  expect((await getJob(at, id)).status).toBe('succeeded')
  expect(await at.metrics(id)).toEqual(await at.metrics(whole))
  expect(await at.results(id)).toBe(await at.results(whole))
  const [one, other] = [await filesOf(id), await filesOf(whole)]
  expect(one.length).toBe(80)
  expect(one).toEqual(other)
}, 300_000)

const isOver = async (id: JobId) => isEnd((await getJob(at, id)).status)
const lastStep = async (id: JobId) => (await at.metrics(id)).at(-1)?.[0] ?? -1

/** The weights of every model that the job made, by step. */
async function filesOf(id: JobId): Promise<[string, string][]> {
  const rows = await at.db.select().from(adapters).where(eq(adapters.jobId, id))
  const files = rows.map(async ({ model, objectKey }): Promise<[string, string]> => {
    const bytes = await at.store.bytes(`${objectKey}/adapter_model.safetensors`)
    return [
      model
        .split(':')
        .at(-1)!
        .replace(/^[a-v0-9]{12}$/, 'final'),
      Buffer.from(bytes).toString('base64'),
    ]
  })
  return (await Promise.all(files)).sort()
}
