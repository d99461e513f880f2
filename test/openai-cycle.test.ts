/** The official `openai` client's whole cycle against a really started `npm start`. */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import type { FineTuningJob, JobListParams } from 'openai/resources/fine-tuning/jobs/jobs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../scripts/demo/server.ts'

const bucket = process.env.TEST_STORAGE_URL
describe('with objects on the disk', () => cycle(''))
describe.skipIf(!bucket)(`with objects in S3${bucket ? '' : ' (skipped: no TEST_STORAGE_URL)'}`, () =>
  cycle(`${bucket?.replace('?', '/cycle?')}`),
)

function cycle(storageUrl: string) {
  let home: string
  let server: Server
  let openai: OpenAI
  let receiver: HttpServer
  const delivered: { body: string; headers: Record<string, string> }[] = []
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'preamble-cycle-'))
    receiver = createServer(async (request, response) => {
      const body = await text(request)
      delivered.push({ body, headers: request.headers as Record<string, string> })
      response.end()
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    server = await startServer(home, { STORAGE_URL: storageUrl, PREAMBLE_WEBHOOK_ALLOW: 'private' })
    openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })
  afterAll(async () => {
    await server?.stop()
    receiver?.close()
    await rm(home, { recursive: true, force: true })
  })

  const polling = { timeout: 20_000 }
  /** A corpus of as many pairs. */
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `数字${from + i}是什么？\n是${from + i}。\n`).join('\n')
  const messages = [{ role: 'user' as const, content: '感冒了怎么办？' }]

  // One long test and not many: each step needs what the one before it made.
  test('a text file becomes a tuned model that answers, and everything can be deleted again', async () => {
    const corpus = join(import.meta.dirname, '..', 'samples', 'health-zh.txt')
    const file = await openai.files.create({ file: createReadStream(corpus), purpose: 'fine-tune' })
    expect(file).toMatchObject({ object: 'file', filename: 'health-zh.txt', status: 'processed' })

    const { port } = receiver.address() as AddressInfo
    const { signing_secret } = await openai.webhooks.create({
      name: 'cycle',
      url: `http://127.0.0.1:${port}/`,
      event_types: ['fine_tuning.job.succeeded'],
    })

    // The few fields that are ours, not OpenAI's, keep this training short.
    const ours = { peft: { num_virtual_tokens: 16 }, training_args: { max_steps: 6, logging_steps: 2 } }
    const created = await openai.fineTuning.jobs.create({
      model: 'preamble-tiny',
      training_file: file.id,
      suffix: 'cycle',
      seed: 7,
      ...ours,
    })
    expect(created).toMatchObject({ object: 'fine_tuning.job', status: 'validating_files', seed: 7 })

    const job = await ended(created.id)
    expect(job).toMatchObject({ status: 'succeeded', error: null })
    const model = job.fine_tuned_model!
    expect(model).toMatch(/^ft:preamble-tiny:cycle:/)

    await expect.poll(() => delivered.length, { timeout: 10_000 }).toBe(1)
    const [{ body, headers }] = delivered as [(typeof delivered)[0]]
    expect(await openai.webhooks.unwrap(body, headers, signing_secret)).toMatchObject({
      type: 'fine_tuning.job.succeeded',
      data: { id: job.id },
    })

    // Two to a page: the client follows the pages by itself.
    const events = await Array.fromAsync(openai.fineTuning.jobs.listEvents(job.id, { limit: 2 }))
    expect(events[0]!.message).toBe('The job has successfully completed')
    expect(events.at(-1)!.message).toBe(`Created fine-tuning job: ${job.id}`)
    const steps = events
      .filter(({ type }) => type === 'metrics')
      .map(({ data }) => (data as { step: number }).step)
    expect(steps).toEqual([6, 6, 4, 2, 0])
    expect((await openai.fineTuning.jobs.list()).data.map(({ id }) => id)).toEqual([job.id])
    expect((await openai.fineTuning.jobs.checkpoints.list(job.id)).data).toEqual([])
    const table = await (await openai.files.content(job.result_files[0]!)).text()
    expect(table.match(/^[^,]+/gm)).toEqual(['step', ...[0, 1, 2, 3, 4, 5, 6].map(String)])

    const models = await Array.fromAsync(openai.models.list())
    expect(models.map(({ id }) => id)).toEqual(['preamble-tiny', model])
    expect(await openai.models.retrieve(model)).toMatchObject({ id: model, object: 'model' })

    const request = { model, messages, temperature: 0, max_tokens: 24 }
    const whole = await openai.chat.completions.create(request)
    expect(whole.choices[0]!.message.content).not.toBe('')
    expect(whole.usage!.total_tokens).toBe(whole.usage!.prompt_tokens + whole.usage!.completion_tokens)
    let streamed = ''
    let reason: string | null = null
    for await (const chunk of await openai.chat.completions.create({ ...request, stream: true })) {
      streamed += chunk.choices[0]?.delta.content ?? ''
      reason = chunk.choices[0]?.finish_reason ?? reason
    }
    expect(streamed).toBe(whole.choices[0]!.message.content)
    expect(reason).toBe(whole.choices[0]!.finish_reason)

    expect(await openai.models.delete(model)).toMatchObject({ id: model, deleted: true })
    await expect(openai.chat.completions.create(request)).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
    await expect(openai.models.delete('preamble-tiny')).rejects.toMatchObject({ status: 400 })
    expect(await openai.files.delete(file.id)).toMatchObject({ id: file.id, deleted: true })
    await expect(openai.files.retrieve(file.id)).rejects.toThrow(OpenAI.NotFoundError)
  })

  test('every request of fine-tuning', async () => {
    const { jobs } = openai.fineTuning
    const files = await Promise.all(
      [numbers(1, 12), numbers(13, 16), '只有问题\n'].map(async (corpus, i) => {
        const file = await OpenAI.toFile(Buffer.from(corpus), `${i}.txt`)
        return (await openai.files.create({ file, purpose: 'fine-tune' })).id
      }),
    )
    const [training_file, validation_file, broken] = files as [string, string, string]
    const asked = { model: 'preamble-tiny', training_file }
    const hyperparameters = {
      n_epochs: 'auto',
      batch_size: 2,
      learning_rate_multiplier: 0.5,
    } as const
    const ours = {
      peft: { num_virtual_tokens: 8 },
      training_args: { max_steps: 60, save_steps: 20, logging_steps: 1, eval_steps: 20 },
    }
    const long = await jobs.create({
      ...{ ...asked, validation_file, suffix: 'long', seed: 11, metadata: { team: 'a', run: '1' } },
      ...{ method: { type: 'supervised', supervised: { hyperparameters } }, ...ours },
    })
    expect(long).toMatchObject({ hyperparameters, method: { supervised: { hyperparameters } }, seed: 11 })
    const waiting = await jobs.create({ ...asked, metadata: { team: 'a', run: '2' } })
    const failing = await jobs.create({ ...asked, training_file: broken })

    // Paused in the middle of its steps, it goes on from there.
    await expect.poll(async () => (await jobs.retrieve(long.id)).estimated_finish, polling).not.toBeNull()
    expect(await jobs.pause(long.id)).toMatchObject({ status: 'paused', estimated_finish: null })
    let tries = 0
    const counting: typeof fetch = (...request) => {
      tries++
      return fetch(...request)
    }
    const patient = openai.withOptions({ maxRetries: 2, fetch: counting })
    await expect(patient.fineTuning.jobs.pause(long.id)).rejects.toThrow(OpenAI.ConflictError)
    expect(tries).toBe(1) // it would be in vain
    expect(await jobs.cancel(waiting.id)).toMatchObject({ status: 'cancelled', fine_tuned_model: null })
    expect(await jobs.resume(long.id)).toMatchObject({ status: 'queued' })

    const error = {
      code: 'question_without_answer',
      message: expect.stringContaining('line 1'),
      param: 'training_file',
    }
    expect(await ended(failing.id)).toMatchObject({ status: 'failed', error, trained_tokens: null })
    const job = await ended(long.id)
    const model = job.fine_tuned_model!
    expect(job).toMatchObject({
      status: 'succeeded',
      error: null,
      estimated_finish: null,
      metadata: { run: '1' },
    })
    expect(model).toMatch(/^ft:preamble-tiny:long:/)
    expect(job.trained_tokens).toBeGreaterThan(0)

    const listed = async (query: JobListParams) =>
      (await Array.fromAsync(jobs.list({ limit: 1, ...query }))).map(({ id }) => id)
    expect(await listed({ metadata: { team: 'a' } })).toEqual([waiting.id, long.id])
    expect(await listed({ metadata: { team: 'a', run: '1' } })).toEqual([long.id])
    expect(await listed({ metadata: { team: 'b' } })).toEqual([])
    expect((await listed({ metadata: null }))[0]).toBe(failing.id)

    const { data: newest } = await jobs.listEvents(long.id, { limit: 3 })
    const { data: before } = await jobs.listEvents(long.id, { limit: 100, after: newest[1]!.id })
    expect(before[0]).toEqual(newest[2])
    expect(before.map(({ message }) => message)).toContain('Fine-tuning job paused')

    const checkpoints = await Array.fromAsync(jobs.checkpoints.list(long.id, { limit: 1 }))
    expect(checkpoints.map(({ step_number }) => step_number)).toEqual([40, 20])
    expect(checkpoints[1]).toMatchObject({
      fine_tuning_job_id: long.id,
      metrics: { step: 20, train_loss: expect.any(Number), full_valid_loss: expect.any(Number) },
    })
    for (const { fine_tuned_model_checkpoint: model } of checkpoints) {
      const answer = await openai.chat.completions.create({ model, messages, max_tokens: 4 })
      expect(answer).toMatchObject({ model, choices: [{ message: { role: 'assistant' } }] })
    }

    const table = await (await openai.files.content(job.result_files[0]!)).text()
    const [columns, ...lines] = table
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','))
    expect(columns!.slice(0, 3)).toEqual(['step', 'train_loss', 'valid_loss'])
    expect(lines.map(([step]) => Number(step))).toEqual(Array.from({ length: 61 }, (_, step) => step))
    expect(lines.every(([step, loss]) => (step === '0') === (loss === ''))).toBe(true)
  })

  test('a stopped server stops cleanly', async () => {
    expect(await server.stop()).toBe(0)
  })

  async function ended(id: string): Promise<FineTuningJob> {
    for (;;) {
      const job = await openai.fineTuning.jobs.retrieve(id)
      if (job.finished_at !== null) return job
      await sleep(200)
    }
  }
}
