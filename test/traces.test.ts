/** A really started server sends its traces to a collector, and they lead from a file to the answers of its model. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer } from '../scripts/demo/server.ts'
import { type Span, startCollector } from './otlp.case.ts'

const question = '感冒了怎么办？'
const corpus = `${question}\n多休息，多喝水。\n\n怎样预防近视？\n多看远处。\n\n怎样睡得好？\n早点睡。\n`
const client = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' }
/** Of another client, whose corpus has an error. */
const other = { trace: 'a1b2c3d4e5f60718293a4b5c6d7e8f90', span: 'b7ad6b7169203331' }
const headersOf = ({ trace, span }: typeof client) => ({ headers: { traceparent: `00-${trace}-${span}-01` } })

let home: string
let collector: Awaited<ReturnType<typeof startCollector>>
let log: { msg: string; trace_id?: string; request?: string; route?: string }[]
const made = { file: '', dataset: '', job: '', model: '' }

// One run for all: it ends with the server, which sends its last spans then.
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'preamble-traces-'))
  collector = await startCollector()
  const server = await startServer(home, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint })
  try {
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
    const file = await openai.files.create({
      file: await OpenAI.toFile(Buffer.from(corpus), 'c.txt'),
      purpose: 'fine-tune',
    })
    const dataset = await openai.post<{ id: string }>('/datasets', { body: { file_id: file.id } })
    const training_args = { max_steps: 4, save_steps: 2, eval_steps: 2 }
    const ours = { peft: { num_virtual_tokens: 4 }, training_args }
    const asked = { model: 'preamble-tiny', training_file: dataset.id, ...ours }
    const { id } = await openai.fineTuning.jobs.create(asked, headersOf(client))
    const tuned = async () => (await openai.fineTuning.jobs.retrieve(id)).fine_tuned_model
    while (!(await tuned())) await sleep(100)
    const model = (await tuned())!
    const messages = [{ role: 'user' as const, content: question }]
    await openai.chat.completions.create({ model, messages, max_tokens: 4 })
    for await (const _ of await openai.chat.completions.create({
      model,
      messages,
      max_tokens: 4,
      stream: true,
    }));
    await openai.models.retrieve('nothing').catch(() => {})

    const broken = await openai.files.create(
      { file: await OpenAI.toFile(Buffer.from(`${question}\n`), 'b.txt'), purpose: 'fine-tune' },
      headersOf(other),
    )
    const job = await openai.fineTuning.jobs.create({ ...asked, training_file: broken.id }, headersOf(other))
    while (!(await openai.fineTuning.jobs.retrieve(job.id)).error) await sleep(100)
    Object.assign(made, { file: file.id, dataset: dataset.id, job: id, model })
  } finally {
    expect(await server.stop()).toBe(0)
  }
  const lines = (await readFile(join(home, 'server.log'), 'utf8')).trim().split('\n')
  log = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
})
afterAll(async () => {
  collector.close()
  await rm(home, { recursive: true, force: true })
})

/** Those of the other client only where it is asked for. */
const named = (name: string, from = client) =>
  collector.spans.filter((span) => span.name === name && (span.traceId === other.trace) === (from === other))
const one = (name: string, from = client) => {
  const [span, ...others] = named(name, from)
  expect([name, others.length]).toEqual([name, 0])
  return span!
}
const placeOf = ({ traceId, spanId }: Pick<Span, 'traceId' | 'spanId'>) => ({ traceId, spanId })
const linksOf = ({ links }: Span) => links.map(placeOf)

test('a dataset leads to the upload of its file', () => {
  const upload = one('POST /v1/files')
  expect(upload).toMatchObject({
    service: 'preamble',
    kind: 2,
    attributes: { 'preamble.file.id': made.file },
  })
  const convert = one('convert file')
  expect(convert).toMatchObject({
    parentSpanId: one('POST /v1/datasets').spanId,
    attributes: { 'preamble.file.id': made.file, 'preamble.dataset.id': made.dataset },
  })
  expect(linksOf(convert)).toEqual([placeOf(upload)])
})

test("a job is a part of its client's trace, and leads to its dataset", () => {
  const create = one('POST /v1/fine_tuning/jobs')
  expect(create).toMatchObject({
    ...{ traceId: client.trace, parentSpanId: client.span },
    attributes: {
      ...{ 'preamble.job.id': made.job, 'http.route': '/v1/fine_tuning/jobs' },
      'http.response.status_code': 200,
    },
  })
  expect(linksOf(create)).toEqual([placeOf(one('convert file'))])
})

describe('the work on a job', () => {
  test.each(['validate files', 'load data', 'run job'])("%s is in the job's trace, by the worker", (name) => {
    expect(one(name)).toMatchObject({
      ...{
        traceId: client.trace,
        parentSpanId: one('POST /v1/fine_tuning/jobs').spanId,
        service: 'train-worker',
      },
      attributes: { 'preamble.job.id': made.job },
    })
  })

  test.each(['plan', 'train', 'keep adapter'])('%s is a part of its run', (name) => {
    expect(one(name)).toMatchObject({ traceId: client.trace, parentSpanId: one('run job').spanId })
  })

  test('evaluations, checkpoints and states are parts of the training', () => {
    const steps = (name: string) => {
      for (const span of named(name))
        expect(span).toMatchObject({ traceId: client.trace, parentSpanId: one('train').spanId })
      return named(name).map(({ attributes }) => attributes['preamble.step'])
    }
    expect(steps('evaluate')).toEqual([0, 2, 4])
    expect(steps('keep checkpoint')).toEqual([2])
    expect(steps('keep state')).toEqual([2])
  })
})

test('answers of the model lead to the job that made it', () => {
  const chats = named('POST /v1/chat/completions')
  expect(chats).toHaveLength(2)
  for (const chat of chats) {
    expect(linksOf(chat)).toEqual([placeOf(one('keep adapter'))])
    const generations = named('generate').filter(({ parentSpanId }) => parentSpanId === chat.spanId)
    expect(generations).toMatchObject([
      {
        traceId: chat.traceId,
        attributes: {
          'gen_ai.request.model': made.model,
          'gen_ai.usage.input_tokens': expect.any(Number),
          'gen_ai.usage.output_tokens': expect.any(Number),
          'gen_ai.response.finish_reasons': [expect.stringMatching(/^(stop|length)$/)],
        },
      },
    ])
  }
})

test('a job that fails on its file leads to the file, and tells the code', () => {
  const upload = one('POST /v1/files', other)
  expect(upload.parentSpanId).toBe(other.span)
  expect(linksOf(one('POST /v1/fine_tuning/jobs', other))).toEqual([placeOf(upload)])
  const convert = one('convert file', other)
  expect(convert).toMatchObject({
    parentSpanId: one('validate files', other).spanId,
    ...{ attributes: { 'error.type': 'question_without_answer' }, status: { code: 2 } },
  })
  expect(linksOf(convert)).toEqual([placeOf(upload)])
})

test('a refused request tells its code', () => {
  expect(one('GET /v1/models/:model')).toMatchObject({
    attributes: { 'http.response.status_code': 404, 'error.type': 'model_not_found' },
    status: { code: 0 },
  })
})

test("a request's line in the log names its trace", () => {
  const line = log.find(({ msg, route }) => msg === 'request' && route === '/v1/fine_tuning/jobs')
  expect(line).toMatchObject({ trace_id: client.trace, span_id: one('POST /v1/fine_tuning/jobs').spanId })
})

test('no text of the corpus or of a chat is sent, and no probe', () => {
  expect(collector.raw.join('')).toContain(made.model)
  for (const text of [question, '感冒', '多喝水']) expect(collector.raw.join('')).not.toContain(text)
  expect(collector.spans.filter(({ name }) => name.includes('/healthz'))).toEqual([])
})
