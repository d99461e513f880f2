import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ChatCompletionChunk } from '../../contract/chat.ts'
import { type EngineThread, openEngine } from '../../engine/index.ts'
import { addTokenizer, args, runOf, talk, temporary, writeBase, writeFiles } from '../../engine/tiny.case.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { baseModels } from '../../infra/base-models.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { createMetrics } from '../../infra/metrics.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'

const { root, remove } = temporary()
const { db, close: closeDatabase } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const real = openEngine()
/** The real engine; a test may hold its streams up after their first event until they are left, and learn how they ended. */
let hold: PromiseWithResolvers<void> | undefined
let held = Promise.withResolvers<void>()
const endings: ('whole' | 'stopped')[] = []
const engine: EngineThread = {
  ...real,
  generate(request) {
    const events = watched(real.generate(request))
    const leave = events.return.bind(events)
    return Object.assign(events, {
      return() {
        const left = leave()
        hold?.resolve()
        return left
      },
    })
  },
}
async function* watched<T>(events: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
  let ending: (typeof endings)[number] = 'stopped'
  try {
    for await (const event of events) {
      if (hold) held.resolve()
      yield event
      await hold?.promise
    }
    ending = 'whole'
  } finally {
    endings.push(ending)
  }
}
const bases = baseModels(join(root, 'models'), { db, store })
const lines: string[] = []
const log = createLog({ name: 'test', level: 'info' }, { write: (line) => lines.push(line) })
const limits = { scratch: join(root, 'scratch'), maxFileBytes: 2 ** 20, requestTimeout: 60_000 }
const deps = { log, version: '0', db, store, bases, engine, ...limits }
const app = createApp(deps)

const answer = '你好，感冒了要多喝水。'
const prefix = { peftType: 'PREFIX_TUNING', bytes: 0 } as const

beforeAll(async () => {
  await mkdir(join(root, 'models'))
  const untaught = writeBase(join(root, 'models', 'untaught'))
  const { end } = await runOf({
    base: untaught,
    train: [talk('你好', answer), talk('数', '一二三')],
    dev: [],
    method: { peft_type: 'FULL' },
    args: { ...args, max_steps: 60 },
  })
  addTokenizer(writeFiles(join(root, 'models', 'tiny'), end.files))
  const base = join(root, 'models', 'tiny')
  const tuned = await runOf({
    base,
    train: [talk('你好', '一二三')],
    dev: [],
    method: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 8, prefix_projection: false, init_std: 0.5 },
    args: { ...args, max_steps: 300, learning_rate: 0.03 },
  })
  for (const [name, bytes] of Object.entries(tuned.end.files))
    await store.putBytes(`adapters/a1/${name}`, bytes)
  await db.insert(adapters).values({
    ...prefix,
    project: firstProject,
    model: 'ft:tiny:health:a1',
    base: 'tiny',
    objectKey: 'adapters/a1',
  })
})
afterAll(async () => {
  await engine.close()
  await closeDatabase()
  remove()
})

const post = (path: string, body: object) =>
  app.request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
const chat = (extra: object = {}) =>
  post('/v1/chat/completions', {
    model: 'tiny',
    messages: [{ role: 'user', content: '你好' }],
    temperature: 0,
    ...extra,
  })
async function chunksOf(response: Response): Promise<ChatCompletionChunk[]> {
  const events = (await response.text()).trimEnd().split('\n\n')
  expect(events.pop()).toBe('data: [DONE]')
  return events.map((event) => JSON.parse(event.replace('data: ', '')))
}
const textOf = (chunks: ChatCompletionChunk[]) =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')

describe('chat completions', () => {
  test('a base model answers, stops by itself and counts its tokens', async () => {
    const response = await chat()
    expect(response.status).toBe(200)
    const { usage, ...completion } = await response.json()
    expect(completion).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'tiny',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: answer, refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
    })
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
  })

  test('a tuned model answers as it was tuned', async () => {
    const response = await chat({ model: 'ft:tiny:health:a1' })
    expect((await response.json()).choices[0].message.content).toBe('一二三')
  })

  test('a stream says the same, role first, reason last', async () => {
    const chunks = await chunksOf(await chat({ stream: true }))
    expect(textOf(chunks)).toBe(answer)
    expect(chunks[0]!.choices[0]).toMatchObject({ delta: { role: 'assistant', content: '' } })
    expect(chunks.at(-1)!.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0]).not.toHaveProperty('usage')
  })

  test('a stream tells the usage in a chunk of its own when asked', async () => {
    const chunks = await chunksOf(await chat({ stream: true, stream_options: { include_usage: true } }))
    const { usage } = await (await chat()).json()
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
  })

  test('the token limit cuts the answer, under its old name and its new one', async () => {
    for (const limit of [{ max_tokens: 2 }, { max_completion_tokens: 2, max_tokens: 50 }]) {
      const { choices, usage } = await (await chat(limit)).json()
      expect(choices[0].finish_reason).toBe('length')
      expect(usage.completion_tokens).toBe(2)
    }
  })

  test('a stop text ends the answer and is no part of it', async () => {
    const { choices } = await (await chat({ stop: '了要' })).json()
    expect(choices[0]).toMatchObject({ message: { content: '你好，感冒' }, finish_reason: 'stop' })
  })

  test('a prompt beyond the context window is refused with its length, streamed or not', async () => {
    const messages = [{ role: 'user', content: 'long '.repeat(500) }]
    for (const stream of [true, false]) {
      const response = await chat({ messages, stream })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: {
          code: 'context_length_exceeded',
          param: 'messages',
          message: expect.stringMatching(/\d+ tokens/),
        },
      })
    }
  })

  test('an unknown model is a 404 that names it, streamed or not', async () => {
    for (const stream of [true, false]) {
      const response = await chat({ model: 'gpt-4', stream })
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({
        error: { code: 'model_not_found', param: 'model', message: expect.stringContaining('"gpt-4"') },
      })
    }
  })

  test.each([true, false])('a client that hangs up stops the generation (stream: %s)', async (stream) => {
    const server = await listen(app, { host: '127.0.0.1', port: 0 })
    hold = Promise.withResolvers<void>()
    held = Promise.withResolvers()
    endings.length = 0
    const hangUp = new AbortController()
    const response = fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: '你好' }], stream }),
      headers: { 'content-type': 'application/json' },
      signal: hangUp.signal,
    }).then((answered) => answered.text())
    void held.promise.then(() => hangUp.abort())
    await expect(response).rejects.toThrow('aborted')
    await server.close()
    await vi.waitFor(() => expect(endings).toEqual(['stopped']))
    hold = undefined
    expect((await chat()).status).toBe(200)
  })
})

describe('a call that is ended', () => {
  /** The line that the log has of one request. */
  const told = async (ask: () => unknown) => {
    lines.length = 0
    await ask()
    await vi.waitFor(() => expect(lines.some((line) => JSON.parse(line).msg === 'request')).toBe(true))
    return JSON.parse(lines.find((line) => JSON.parse(line).msg === 'request')!)
  }

  test('by its deadline says so, streamed or not', async () => {
    const limited = createApp({ ...deps, requestTimeout: 1 })
    for (const stream of [true, false]) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
      const body = JSON.stringify({ model: 'tiny', stream, messages: [{ role: 'user', content: '你好' }] })
      hold = Promise.withResolvers()
      const response = await limited.request('/v1/chat/completions', { ...init, body })
      const text = await response.text()
      hold = undefined
      // A stream may have begun when its time is over.
      if (!stream) expect(response.status).toBe(504)
      expect(text).toMatch(/"error":.*not complete in the time.*"code":"timeout"/)
    }
  })

  test('by its deadline stops in the middle of a stream, or while it waits for its turn', async () => {
    writeBase(join(root, 'models', 'endless'), { max_position_embeddings: 100_000 })
    // Not the one that is watched, which can be left at an event only.
    const [patient, limited] = [60_000, 500].map((requestTimeout) =>
      createApp({ ...deps, log: createLog({ name: 'test', level: 'silent' }), engine: real, requestTimeout }),
    ) as [typeof app, typeof app]
    const ask = (of: typeof app, body: object, signal?: AbortSignal) =>
      of.request('/v1/completions', {
        method: 'POST',
        body: JSON.stringify({ model: 'endless', temperature: 0, ...body }),
        headers: { 'content-type': 'application/json' },
        signal,
      })
    // One token forever: nothing else ends it.
    const endless = { prompt: 'x', logit_bias: { 70: 100 } }
    const streamed = await (await ask(limited, { ...endless, stream: true })).text()
    expect(streamed).toMatch(/^data: \{"id".*"text":"/)
    expect(streamed).toMatch(/"code":"timeout"[^\n]*\n\n$/)
    await vi.waitFor(async () => expect(await engine.stats()).toMatchObject({ running: 0, queued: 0 }))

    // One prompt is read at a time, and this one takes a minute.
    const hangUp = new AbortController()
    const long = ask(patient, { prompt: Array(90_000).fill(1), max_tokens: 1 }, hangUp.signal)
    await vi.waitFor(async () => expect(await engine.stats()).toMatchObject({ running: 1 }))
    const waiting = ask(limited, endless)
    await vi.waitFor(async () => expect(await engine.stats()).toMatchObject({ running: 1, queued: 1 }))
    expect((await waiting).status).toBe(504)
    expect(await engine.stats()).toMatchObject({ running: 1, queued: 0 })
    hangUp.abort()
    expect((await long).status).toBe(400)
    await vi.waitFor(async () => expect(await engine.stats()).toMatchObject({ running: 0, queued: 0 }))
    await rm(join(root, 'models', 'endless'), { recursive: true })
  })

  test('by its client costs no step more, and its line in the log says it', async () => {
    writeBase(join(root, 'models', 'endless'), { max_position_embeddings: 100_000 })
    const server = await listen(app, { host: '127.0.0.1', port: 0 })
    const line = await told(async () => {
      const hangUp = new AbortController()
      // One token forever: nothing ends it within the window, which takes a minute to fill.
      const endless = { prompt: 'x', logit_bias: { 70: 100 } }
      const body = JSON.stringify({ model: 'endless', stream: true, temperature: 0, ...endless })
      const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
      const response = await fetch(`${server.url}/v1/completions`, { ...init, signal: hangUp.signal })
      await response.body!.getReader().read()
      hangUp.abort()
    })
    expect(line).toMatchObject({ route: '/v1/completions', model: 'endless', error: 'client_gone' })
    expect(lines).toHaveLength(1)
    await vi.waitFor(async () => expect((await engine.stats()).running).toBe(0))
    const { steps } = await engine.stats()
    await chat({ max_tokens: 3 })
    expect((await engine.stats()).steps).toBe(steps + 3)
    await server.close()
    await rm(join(root, 'models', 'endless'), { recursive: true })
  })

  test('by its end is told with its tokens and reason, and without its text', async () => {
    const line = await told(() => chat({ max_tokens: 2 }))
    expect(line).toMatchObject({
      ...{ route: '/v1/chat/completions', status: 200, model: 'tiny', finish_reason: 'length' },
      ...{ prompt_tokens: expect.any(Number), completion_tokens: 2, request: expect.any(String) },
    })
    expect(lines.join()).not.toContain('你好')
  })
})

test('a full queue is told as such, with the time to wait', async () => {
  const full: EngineThread = {
    ...engine,
    // biome-ignore lint/correctness/useYield: it takes no request
    async *generate() {
      throw Object.assign(new Error('the queue of 256 requests is full'), { code: 'overloaded' })
    },
  }
  const response = await createApp({ ...deps, engine: full }).request('/v1/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'tiny', prompt: 'x' }),
    headers: { 'content-type': 'application/json' },
  })
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
  expect((await response.json()).error).toMatchObject({
    message: 'the queue of 256 requests is full',
    code: 'overloaded',
  })
})

test('metrics tell of tokens, times and ends by model, and how the engine is', async () => {
  const measured = createApp({ ...deps, metrics: createMetrics() })
  const ask = (model: string) =>
    measured.request('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model, max_tokens: 3, messages: [{ role: 'user', content: '你好' }] }),
      headers: { 'content-type': 'application/json' },
    })
  const { usage } = await (await ask('tiny')).json()
  await ask('ft:tiny:health:a1')
  await ask('no-such-model')
  const text = await (await measured.request('/metrics')).text()
  for (const line of [
    `preamble_tokens_total{model="tiny",kind="prompt"} ${usage.prompt_tokens}`,
    `preamble_tokens_total{model="tiny",kind="cached"} ${usage.prompt_tokens_details.cached_tokens}`,
    'preamble_tokens_total{model="ft:tiny:health:a1",kind="completion"} 3',
    'preamble_generations_total{model="tiny",outcome="length"} 1',
    'preamble_time_to_first_token_seconds_count{model="tiny"} 1',
    'preamble_time_per_output_token_seconds_count{model="tiny"} 1',
    'preamble_http_requests_total{method="POST",route="/v1/chat/completions",status="404"} 1',
    'preamble_running_sequences 0',
    'preamble_adapters_resident 1',
  ])
    expect(text.split('\n')).toContain(line)
  expect(text).not.toContain('no-such-model')
})

test('ready is a server whose engine lives', async () => {
  const engine = openEngine()
  const app = createApp({ ...deps, engine })
  expect((await app.request('/readyz')).status).toBe(200)
  await engine.close()
  const response = await app.request('/readyz')
  expect(response.status).toBe(503)
  expect((await response.json()).checks).toEqual({
    ...{ server: 'ok', database: 'ok', storage: 'ok' },
    engine: 'missing',
  })
  expect((await app.request('/metrics')).status).toBe(200)
})

describe('completions', () => {
  test('bare text goes on, plain and streamed alike', async () => {
    const request = { model: 'tiny', prompt: '感冒', temperature: 0, max_tokens: 6 }
    const whole = await (await post('/v1/completions', request)).json()
    expect(whole).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      choices: [{ finish_reason: 'length', logprobs: null }],
      usage: { completion_tokens: 6 },
    })
    const streamed = await (await post('/v1/completions', { ...request, stream: true })).text()
    const pieces = streamed.trimEnd().split('\n\n').slice(0, -1)
    const text = pieces.map((event) => JSON.parse(event.replace('data: ', '')).choices[0].text).join('')
    expect(text).toBe(whole.choices[0].text)
  })
})

describe('models', () => {
  test('base models and tuned ones are listed', async () => {
    const { data } = await (await app.request('/v1/models')).json()
    expect(data.map(({ id }: { id: string }) => id)).toEqual(['tiny', 'untaught', 'ft:tiny:health:a1'])
    const one = await (await app.request('/v1/models/ft%3Atiny%3Ahealth%3Aa1')).json()
    expect(one).toEqual(data[2])
  })

  test('a base model cannot be deleted', async () => {
    const response = await app.request('/v1/models/tiny', { method: 'DELETE' })
    expect(response.status).toBe(400)
    expect((await response.json()).error.message).toContain('only tuned models')
  })

  test('deleting a tuned model removes its row and its objects', async () => {
    for (const name of await store.list('adapters/a1'))
      await store.putBytes(`adapters/a2/${name}`, await store.bytes(`adapters/a1/${name}`))
    await db.insert(adapters).values({
      ...prefix,
      project: firstProject,
      model: 'ft:tiny::a2',
      base: 'tiny',
      objectKey: 'adapters/a2',
    })
    expect((await chat({ model: 'ft:tiny::a2' })).status).toBe(200)

    const response = await app.request('/v1/models/ft:tiny::a2', { method: 'DELETE' })
    expect(await response.json()).toEqual({ id: 'ft:tiny::a2', object: 'model', deleted: true })
    expect(await store.exists('adapters/a2/adapter_config.json')).toBe(false)
    expect((await chat({ model: 'ft:tiny::a2' })).status).toBe(404)
    expect((await app.request('/v1/models/ft:tiny::a2', { method: 'DELETE' })).status).toBe(404)
  })

  test('a tuned model whose base is gone says so', async () => {
    await db.insert(adapters).values({
      ...prefix,
      project: firstProject,
      model: 'ft:gone::a3',
      base: 'gone',
      objectKey: 'adapters/a1',
    })
    const response = await chat({ model: 'ft:gone::a3' })
    expect(response.status).toBe(404)
    expect((await response.json()).error.message).toContain('tuned on "gone"')
  })
})
