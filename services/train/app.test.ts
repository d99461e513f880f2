import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobEvents, jobs } from '../../infra/db/tables/index.ts'
import { createApp } from './app.ts'
import { addEvents, type JobId } from './job.ts'
import { say } from './say.ts'
import { corpus, setUp } from './train.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
let app: ReturnType<typeof createApp>
beforeAll(async () => {
  at = await setUp()
  app = createApp(at.deps)
})
afterAll(() => at.tearDown())

const path = '/v1/fine_tuning/jobs'
async function ask(url: string, body?: object) {
  const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await app.request(url, body ? init : {})
  return { status: response.status, body: await response.json() }
}

const seventeen = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`key${i}`, '']))

describe('creating a job', () => {
  test('answers the job as it stands in line, with what it was not told filled in', async () => {
    const training_file = await at.upload(corpus)
    const { status, body } = await ask(path, { model: 'tiny', training_file, metadata: { for: 'test' } })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      object: 'fine_tuning.job',
      status: 'validating_files',
      training_file,
      validation_file: null,
      fine_tuned_model: null,
      finished_at: null,
      metadata: { for: 'test' },
      hyperparameters: { n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' },
      method: { type: 'supervised' },
      peft: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 128 },
      seed: 42,
      training_args: { num_train_epochs: expect.any(Number), seed: 42 },
    })
    expect((await ask(`${path}/${body.id}`)).body).toEqual(body)
  })

  test.each([
    [{ model: 'gpt-4' }, 404, 'model_not_found', 'model'],
    [{ training_file: 'file-1' }, 404, 'not_found', 'training_file'],
    [{ training_file: 'ds_1' }, 404, 'not_found', 'training_file'],
    [{ training_file: 'corpus.txt' }, 404, 'not_found', 'training_file'],
    [{ validation_file: 'file-1' }, 404, 'not_found', 'validation_file'],
    [{ training_args: { learning_rat: 1 } }, 400, 'invalid_value', 'training_args.learning_rat'],
    [{ suffix: '健康' }, 400, 'invalid_value', 'suffix'],
    [{ metadata: seventeen }, 400, 'invalid_value', 'metadata'],
    [{ hyperparameters: {}, method: { type: 'supervised' } }, 400, 'invalid_value', 'hyperparameters'],
  ])('%j is refused by its name', async (wrong, status, code, param) => {
    const before = await at.db.$count(jobs)
    const request = { model: 'tiny', training_file: await at.upload(corpus), ...wrong }
    expect(await ask(path, request)).toMatchObject({ status, body: { error: { code, param } } })
    expect(await at.db.$count(jobs)).toBe(before)
  })
})

test('a job may tell more at once than one statement of Postgres takes', async () => {
  const id = (await at.create()).id as JobId
  const before = await at.db.$count(jobEvents, eq(jobEvents.jobId, id))
  const messages = Array.from({ length: 15_000 }, (_, i) => `Cut: ${i}`)
  await at.db.transaction((tx) =>
    addEvents(
      tx,
      id,
      messages.map((message) => say(message, 'warn')),
    ),
  )
  const rows = await at.db.select().from(jobEvents).where(eq(jobEvents.jobId, id)).orderBy(jobEvents.position)
  expect(rows.slice(before).map(({ message }) => message)).toEqual(messages)
})

test('jobs and events are read page by page, the newest first', async () => {
  const created = [await at.create(), await at.create(), await at.create()].map(({ id }) => id)
  const first = await ask(`${path}?limit=2`)
  expect(first.body).toMatchObject({ object: 'list', has_more: true, last_id: created[1] })
  const second = await ask(`${path}?limit=1&after=${created[1]}`)
  expect(second.body.data[0].id).toBe(created[0])

  const events = await ask(`${path}/${created[0]}/events?limit=1`)
  expect(events.body.data[0]).toMatchObject({
    object: 'fine_tuning.job.event',
    type: 'message',
    level: 'info',
    message: expect.stringMatching(/^Validating training file/),
  })
  const rest = await ask(`${path}/${created[0]}/events?after=${events.body.last_id}`)
  expect(rest.body).toMatchObject({
    has_more: false,
    data: [{ message: `Created fine-tuning job: ${created[0]}` }],
  })
})

describe('jobs are listed by their metadata', () => {
  const made: Record<string, string> = {}
  const list = async (query: string) => {
    const { status, body } = await ask(`${path}?order=asc&limit=100&${query}`)
    expect(status).toBe(200)
    const names = Object.fromEntries(Object.entries(made).map(([name, id]) => [id, name]))
    return body.data.flatMap(({ id }: { id: string }) => names[id] ?? [])
  }
  beforeAll(async () => {
    const metadata = {
      a: { team: 'a', run: '1' },
      b: { team: 'a', run: '2', 'x[y]': '' },
      c: { team: 'A' },
      empty: {},
      none: null,
    }
    for (const [name, pairs] of Object.entries(metadata))
      made[name] = (await at.create({ metadata: pairs })).id
  })

  test.each([
    ['', ['a', 'b', 'c', 'empty', 'none']],
    ['metadata[team]=a', ['a', 'b']],
    ['metadata%5Bteam%5D=a&metadata[run]=2', ['b']],
    ['metadata[team]=a&metadata[run]=3', []],
    ['metadata[x[y]]=', ['b']],
    ['metadata[team]=', []],
    ['metadata=null', ['none']],
    ['metadata=', ['none']],
  ])('?%s', async (query, expected) => {
    expect(await list(query)).toEqual(expected)
  })

  test('page by page', async () => {
    const first = (await ask(`${path}?limit=1&metadata[team]=a`)).body
    expect(first).toMatchObject({ has_more: true, last_id: made.b })
    const second = (await ask(`${path}?limit=1&metadata[team]=a&after=${made.b}`)).body
    expect(second).toMatchObject({ has_more: false, data: [{ id: made.a }] })
  })

  test.each([
    ['metadata=a', 'metadata'],
    ['metadata=null&metadata[a]=b', 'metadata'],
    ['metadata[a]=b&metadata[a]=c', 'metadata.a'],
    [`metadata[a]=${'x'.repeat(513)}`, 'metadata.a'],
  ])('?%s is refused', async (query, param) => {
    expect(await ask(`${path}?${query}`)).toMatchObject({ status: 400, body: { error: { param } } })
  })
})

test("another job's event is no place to go on from", async () => {
  const [one, two] = [await at.create(), await at.create()]
  const { last_id } = (await ask(`${path}/${one.id}/events`)).body
  expect(await ask(`${path}/${two.id}/events?after=${last_id}`)).toMatchObject({
    status: 400,
    body: { error: { param: 'after' } },
  })
})

test('a job that has not begun is cancelled, and only once', async () => {
  const { id } = await at.create()
  expect((await ask(`${path}/${id}/cancel`, {})).body).toMatchObject({ status: 'cancelled', error: null })
  expect(await ask(`${path}/${id}/cancel`, {})).toMatchObject({
    status: 409,
    body: { error: { code: 'conflict', message: expect.stringContaining('cancelled already') } },
  })
})

describe('a plan', () => {
  const plan = '/v1/fine_tuning/plan'
  const training_args = { max_input_length: 40, max_output_length: 40, per_device_train_batch_size: 3 }

  test('tells how a job would be trained, and in how much memory', async () => {
    const { status, body } = await ask(plan, { model: 'tiny', peft: { peft_type: 'LORA' }, training_args })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...{ object: 'fine_tuning.plan', model: 'tiny', peft_type: 'LORA', base: 'packed' },
      ...{ gradient_checkpointing: 'selective', micro_batch: 3, accumulation: 1, tokens: 80 },
    })
    const { base, activations, optimizer, workspace, total } = body.memory
    expect(total).toBe(base + activations + optimizer + workspace)
    expect(total).toBeLessThan(body.available)
  })

  test.each([
    [{ model: 'huge' }, 404, 'there is no base model "huge"'],
    [{ training_args: { quantization_bit: 3 } }, 400, 'training_args.quantization_bit'],
    [{ peft: { peft_type: 'LORA', target_modules: ['none'] } }, 400, 'there are: q_proj'],
    [{ peft: { peft_type: 'FULL' }, training_args: { quantization_bit: 4 } }, 400, 'FULL trains all weights'],
    [{ training_file: 'file-1' }, 400, 'training_file: there is no such field'],
  ])('%j is refused', async (wrong, status, message) => {
    expect(await ask(plan, { model: 'tiny', ...wrong })).toMatchObject({
      status,
      body: { error: { message: expect.stringContaining(message) } },
    })
  })

  test('of a job that would not fit says both numbers', async () => {
    const app = createApp({ ...at.deps, memory: 2 ** 20 })
    const body = JSON.stringify({ model: 'tiny', training_args })
    const headers = { 'content-type': 'application/json' }
    const response = await app.request(plan, { method: 'POST', body, headers })
    expect(response.status).toBe(400)
    expect(((await response.json()) as { error: { message: string } }).error.message).toMatch(
      /needs 0\.2 GiB at least .* and there are 0\.0 GiB/,
    )
  })
})

test('a job is paused once it waits to be trained, and resumed', async () => {
  const { id } = await at.create()
  expect(await ask(`${path}/${id}/pause`, {})).toMatchObject({
    status: 409,
    body: { error: { code: 'conflict', message: expect.stringContaining('validating_files') } },
  })
  await at.validate(id as JobId)
  expect((await ask(`${path}/${id}/pause`, {})).body).toMatchObject({ status: 'paused' })
  expect((await ask(`${path}/${id}/resume`, {})).body).toMatchObject({ status: 'queued' })
  expect(await ask(`${path}/${id}/resume`, {})).toMatchObject({ status: 409 })
})

test.each(['', '/events', '/checkpoints'])('an unknown job has no %s', async (what) => {
  expect(await ask(`${path}/ftjob-1${what}`)).toMatchObject({
    status: 404,
    body: { error: { code: 'not_found' } },
  })
})

test('a job without checkpoints has an empty list of them', async () => {
  const { id } = await at.create()
  expect((await ask(`${path}/${id}/checkpoints`)).body).toMatchObject({ data: [], has_more: false })
})
