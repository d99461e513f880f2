import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ChatCompletionChunk } from '../../contract/chat.ts'
import { type EngineThread, openEngine } from '../../engine/index.ts'
import { addTokenizer, args, runOf, talk, temporary, writeBase, writeFiles } from '../../engine/tiny.case.ts'
import { baseModels } from '../../infra/base-models.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'

const { root, remove } = temporary()
const { db, close: closeDatabase } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const real = openEngine()
/** The real engine; a test may hold its streams up after their first event until they are left, and learn how they ended. */
let hold: PromiseWithResolvers<void> | undefined
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
      yield event
      await hold?.promise
    }
    ending = 'whole'
  } finally {
    endings.push(ending)
  }
}
const bases = baseModels(join(root, 'models'), { db, store })
const log = createLog({ name: 'test', level: 'silent' })
const limits = { scratch: join(root, 'scratch'), maxFileBytes: 2 ** 20 }
const app = createApp({ log, version: '0', db, store, bases, engine, ...limits })

const answer = '你好，感冒了要多喝水。'
const prefix = { peftType: 'PREFIX_TUNING', bytes: 0 } as const

beforeAll(async () => {
  await mkdir(join(root, 'models'))
  const untaught = writeBase(join(root, 'untaught'))
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
  await db
    .insert(adapters)
    .values({ ...prefix, model: 'ft:tiny:health:a1', base: 'tiny', objectKey: 'adapters/a1' })
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
    endings.length = 0
    const hangUp = new AbortController()
    const response = fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: '你好' }], stream }),
      headers: { 'content-type': 'application/json' },
      signal: hangUp.signal,
    }).then((answered) => answered.text())
    setTimeout(() => hangUp.abort(), 100)
    await expect(response).rejects.toThrow('aborted')
    await server.close()
    await vi.waitFor(() => expect(endings).toEqual(['stopped']))
    hold = undefined
    expect((await chat()).status).toBe(200)
  })
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
    expect(data.map(({ id }: { id: string }) => id)).toEqual(['tiny', 'ft:tiny:health:a1'])
    const one = await (await app.request('/v1/models/ft%3Atiny%3Ahealth%3Aa1')).json()
    expect(one).toEqual(data[1])
  })

  test('a base model cannot be deleted', async () => {
    const response = await app.request('/v1/models/tiny', { method: 'DELETE' })
    expect(response.status).toBe(400)
    expect((await response.json()).error.message).toContain('only tuned models')
  })

  test('deleting a tuned model removes its row and its objects', async () => {
    for (const name of await store.list('adapters/a1'))
      await store.putBytes(`adapters/a2/${name}`, await store.bytes(`adapters/a1/${name}`))
    await db
      .insert(adapters)
      .values({ ...prefix, model: 'ft:tiny::a2', base: 'tiny', objectKey: 'adapters/a2' })
    expect((await chat({ model: 'ft:tiny::a2' })).status).toBe(200)

    const response = await app.request('/v1/models/ft:tiny::a2', { method: 'DELETE' })
    expect(await response.json()).toEqual({ id: 'ft:tiny::a2', object: 'model', deleted: true })
    expect(await store.exists('adapters/a2/adapter_config.json')).toBe(false)
    expect((await chat({ model: 'ft:tiny::a2' })).status).toBe(404)
    expect((await app.request('/v1/models/ft:tiny::a2', { method: 'DELETE' })).status).toBe(404)
  })

  test('a tuned model whose base is gone says so', async () => {
    await db
      .insert(adapters)
      .values({ ...prefix, model: 'ft:gone::a3', base: 'gone', objectKey: 'adapters/a1' })
    const response = await chat({ model: 'ft:gone::a3' })
    expect(response.status).toBe(404)
    expect((await response.json()).error.message).toContain('tuned on "gone"')
  })
})
