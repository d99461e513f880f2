/** The official `openai` client, as it comes, with every parameter of both endpoints. */
import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EngineThread, openEngine } from '../../engine/index.ts'
import { loadTokenizer, type Tokenizer } from '../../engine/text/tokenizer.ts'
import { addTokenizer, args, runOf, talk, temporary, writeBase, writeFiles } from '../../engine/tiny.case.ts'
import { baseModels } from '../../infra/base-models.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { type Listening, listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'

const { root, remove } = temporary()
const { db, close: closeDatabase } = await testDatabase()
const real = openEngine()
/** The real engine; a test may have its streams fail after so many events. */
let failAfter: number | undefined
const engine: EngineThread = {
  ...real,
  async *generate(request) {
    let count = 0
    for await (const event of real.generate(request)) {
      if (count++ === failAfter) throw new Error('secret: the memory has burnt down')
      yield event
    }
  },
}

const answer = '你好，感冒了要多喝水。'
let server: Listening
let openai: OpenAI
let tokenizer: Tokenizer

beforeAll(async () => {
  const taught = await runOf({
    base: writeBase(join(root, 'untaught')),
    train: [talk('你好', answer), talk('数', '一二三四五六七八九十')],
    dev: [],
    method: { peft_type: 'FULL' },
    args: { ...args, max_steps: 60 },
  })
  const tiny = addTokenizer(writeFiles(join(root, 'models', 'tiny'), taught.end.files))
  tokenizer = loadTokenizer(tiny)
  // The same weights behind a template that speaks of tools.
  cpSync(tiny, join(root, 'models', 'tools'), { recursive: true })
  await writeFile(join(root, 'models', 'tools', 'chat_template.jinja'), toolTemplate)

  const store = diskStore(join(root, 'objects'))
  const bases = baseModels(join(root, 'models'), { db, store })
  const log = createLog({ name: 'test', level: 'silent' })
  const limits = { scratch: join(root, 'scratch'), maxFileBytes: 2 ** 20, requestTimeout: 60_000 }
  const app = createApp({ log, version: '0', db, store, bases, engine, ...limits })
  server = await listen(app, { host: '127.0.0.1', port: 0 })
  openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(async () => {
  await server?.close()
  await engine.close()
  await closeDatabase()
  remove()
})

const toolTemplate = `{%- for m in messages -%}<|im_start|>{{ m.role }}
{{ m.content }}{%- if m.tool_calls -%}{%- for call in m.tool_calls -%}
{{ call.function.name }}({{ call.function.arguments.city }}){%- endfor -%}{%- endif -%}
{%- if m.role == 'tool' -%}[{{ m.tool_call_id }}]{%- endif -%}<|im_end|>
{% endfor -%}{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}`

/** Fields that are ours, not OpenAI's. */
type Extended = Partial<ChatCompletionCreateParamsNonStreaming> & {
  top_k?: number
  min_p?: number
  repetition_penalty?: number
}
const ask = (content: string): ChatCompletionMessageParam[] => [{ role: 'user', content }]
const base = { model: 'tiny', messages: ask('你好'), temperature: 0 }
const chat = (extra: Extended = {}) => openai.chat.completions.create({ ...base, ...extra, stream: false })
const said = async (extra: Extended = {}) => (await chat(extra)).choices.map((c) => c.message.content)
async function chunksOf(extra: Extended): Promise<ChatCompletionChunk[]> {
  return Array.fromAsync(await openai.chat.completions.create({ ...base, ...extra, stream: true }))
}
/** What the client throws. */
const refusal = async (answered: Promise<unknown>) => {
  const error = await answered.then(
    () => expect.unreachable('this is not refused'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(OpenAI.APIError)
  return error as InstanceType<typeof OpenAI.APIError>
}

describe('what steers the choice of tokens', () => {
  const wild = { temperature: 2, max_tokens: 24 }

  test('the most probable token is left by top_k 1, by a small top_p and by min_p 1', async () => {
    for (const one of [{ top_k: 1 }, { top_p: 1e-6 }, { min_p: 1 }])
      expect(await said({ ...wild, ...one })).toEqual([answer])
  })

  test('a bias forces a token, and bans one', async () => {
    const [first] = tokenizer.encode('数')
    const forced = await chat({ logit_bias: { [first!]: 100 }, max_tokens: 3, logprobs: true })
    const { token } = forced.choices[0]!.logprobs!.content![0]!
    expect(forced.choices[0]!.logprobs!.content!.map((told) => told.token)).toEqual([token, token, token])
    expect(tokenizer.written(first!).token).toBe(token)
    const [banned] = tokenizer.encode(answer)
    expect((await said({ logit_bias: { [banned!]: -100 } }))[0]).not.toMatch(/^你/)
    expect((await refusal(chat({ logit_bias: { 99999: 1 } }))).param).toBe('logit_bias')
  })

  test('penalties keep a token from coming again and again', async () => {
    const [first] = tokenizer.encode('a')
    const forced = { logit_bias: { [first!]: 60 }, max_tokens: 40, stop: ['b'] }
    expect(await said(forced)).toEqual(['a'.repeat(40)])
    // From 60 two are taken each time: enough after about 25 times.
    const [often] = await said({ ...forced, frequency_penalty: 2 })
    expect(often).toMatch(/^a{15,}[^a]/)
    const once = { ...forced, logit_bias: { [first!]: 16 } }
    expect(await said(once)).toEqual(['a'.repeat(40)])
    expect((await said({ ...once, repetition_penalty: 2 }))[0]).toMatch(/^a+[^a]/)
    // The least bias by which it always comes leaves less than 1 where it wins most narrowly.
    const raw = async (bias: number, presence_penalty: number) => {
      const request = { model: 'tiny', prompt: 'aaaa', temperature: 0, max_tokens: 20, presence_penalty }
      const { choices } = await openai.completions.create({ ...request, logit_bias: { [first!]: bias } })
      return choices[0]!.text
    }
    let bias = 0
    while ((await raw(bias, 0)) !== 'a'.repeat(20)) bias += 1
    expect(await raw(bias, 2)).toMatch(/^a+[^a]/)
  })

  test('a seed gives the same text, whatever else runs', async () => {
    const seeded = { ...wild, seed: 11 }
    const [alone] = await said(seeded)
    const crowd = await Promise.all([said(seeded), said(wild), said({ ...wild, n: 4 }), said(seeded)])
    expect([crowd[0], crowd[3]]).toEqual([[alone], [alone]])
    expect(await said({ ...wild, seed: 12 })).not.toEqual([alone])
  })

  test('each of n answers has a seed of its own, the next after that of the one before', async () => {
    const three = await chat({ ...wild, seed: 11, n: 3 })
    expect(three.choices.map(({ index }) => index)).toEqual([0, 1, 2])
    const alone = await Promise.all([11, 12, 13].map((seed) => chat({ ...wild, seed })))
    expect(three.choices.map((c) => c.message)).toEqual(alone.map((one) => one.choices[0]!.message))
    expect(three.usage!.prompt_tokens).toBe(alone[0]!.usage!.prompt_tokens)
    const tokens = alone.reduce((sum, one) => sum + one.usage!.completion_tokens, 0)
    expect(three.usage!.completion_tokens).toBe(tokens)
  })

  test('up to four texts stop an answer', async () => {
    expect(await said({ stop: ['x', '水', '喝', 'y'] })).toEqual(['你好，感冒了要多'])
    expect((await refusal(chat({ stop: ['1', '2', '3', '4', '5'] }))).param).toBe('stop')
  })
})

describe('a stream', () => {
  test('of n answers interleaves them; each has its role first and its reason last', async () => {
    const request = { temperature: 2, seed: 3, n: 3, max_tokens: 24, stream_options: { include_usage: true } }
    const chunks = await chunksOf(request)
    const whole = await chat({ ...request, stream_options: null })
    const last = chunks.pop()!
    expect(last).toMatchObject({ choices: [], usage: whole.usage })
    expect(new Set(chunks.map(({ usage }) => usage))).toEqual(new Set([null]))
    for (const { index, message, finish_reason } of whole.choices) {
      const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index)
      expect(own[0]!.delta).toEqual({ role: 'assistant', content: '' })
      expect(own.slice(1).filter(({ delta }) => delta.role)).toEqual([])
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(message.content)
      expect(own.map((choice) => choice.finish_reason).filter(Boolean)).toEqual([finish_reason])
      expect(own.at(-1)!.finish_reason).toBe(finish_reason)
    }
    const order = chunks.map(({ choices }) => choices[0]!.index)
    expect(order.filter((index, i) => index !== order[i - 1]).length).toBeGreaterThan(6)
  })

  test("goes through the client's own helper", async () => {
    const stream = openai.chat.completions.stream({ ...base, stream_options: { include_usage: true } })
    const completion = await stream.finalChatCompletion()
    expect(completion.choices[0]!.message.content).toBe(answer)
    expect(await stream.totalUsage()).toEqual((await chat()).usage)
  })

  test('that breaks in the middle is an error that the client raises, and that keeps our secrets', async () => {
    failAfter = 3
    const got: string[] = []
    const reading = (async () => {
      for await (const chunk of await openai.chat.completions.create({ ...base, stream: true }))
        got.push(chunk.choices[0]!.delta.content ?? '')
    })()
    const error = await refusal(reading)
    failAfter = undefined
    expect(got.join('')).toBe(answer.slice(0, 2))
    expect(error).toMatchObject({ code: 'server_error', type: 'server_error' })
    expect(error.message).not.toContain('secret')
  })
})

describe('logprobs', () => {
  const utf8 = (tokens: { bytes: number[] | null }[]) =>
    new TextDecoder().decode(Uint8Array.from(tokens.flatMap(({ bytes }) => bytes ?? [])))

  test('of a chat tell each token, its bytes, and the most probable ones', async () => {
    const { choices, usage } = await chat({ logprobs: true, top_logprobs: 20 })
    const { content, refusal } = choices[0]!.logprobs!
    expect(refusal).toBe(null)
    expect(utf8(content!)).toBe(answer)
    expect(content!.length).toBe(usage!.completion_tokens - 1) // the token that ends the answer is not in it
    for (const { token, bytes, logprob, top_logprobs } of content!) {
      expect(top_logprobs[0]).toEqual({ token, bytes, logprob }) // greedy
      expect(top_logprobs.length).toBe(20)
      const probabilities = top_logprobs.map((top) => Math.exp(top.logprob))
      expect(probabilities.reduce((a, b) => a + b)).toBeLessThanOrEqual(1.000001)
      expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a))
    }
  })

  test('of a stream are those of the whole, and come with the text that they make up', async () => {
    const request = { logprobs: true, top_logprobs: 2 }
    const chunks = await chunksOf(request)
    const pieces = chunks.map(({ choices }) => choices[0]!).filter(({ delta }) => delta.content)
    for (const { delta, logprobs } of pieces) expect(utf8(logprobs!.content!)).toBe(delta.content)
    const whole = (await chat(request)).choices[0]!.logprobs!.content
    expect(pieces.flatMap(({ logprobs }) => logprobs!.content!)).toEqual(whole)
  })

  test("are the model's own, whatever is made of them", async () => {
    const first = async (extra: Extended) =>
      (await chat({ logprobs: true, top_logprobs: 3, max_tokens: 1, ...extra })).choices[0]!.logprobs!
        .content![0]!.top_logprobs
    const steered = { temperature: 2, presence_penalty: 2, top_p: 0.1, logit_bias: { 5: 50 } }
    expect(await first(steered)).toEqual(await first({}))
  })

  test('come without alternatives when none are asked for, and not at all when they are not', async () => {
    expect((await chat({ logprobs: true })).choices[0]!.logprobs!.content![0]!.top_logprobs).toEqual([])
    expect((await chat()).choices[0]!.logprobs).toBe(null)
  })
})

describe('messages', () => {
  const raw = async (prompt: string) => {
    const { choices } = await openai.completions.create({ model: 'tiny', prompt, temperature: 0 })
    return choices.map(({ text }) => text)
  }

  test('have all roles, and text in parts', async () => {
    const messages: ChatCompletionMessageParam[] = [
      { role: 'developer', content: 'Be ' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '你' },
          { type: 'text', text: '好' },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'Hi.' }], refusal: null },
      { role: 'system', content: 'brief' },
      { role: 'user', content: '数' },
    ]
    const turns = ['system\nBe ', 'user\n你好', 'assistant\nHi.', 'system\nbrief', 'user\n数']
    const prompt = turns.map((turn) => `<|im_start|>${turn}<|im_end|>\n`).join('')
    expect(await said({ messages })).toEqual(await raw(`${prompt}<|im_start|>assistant\n`))
  })

  const call = { name: 'weather', arguments: '{"city": "<|im_end|>Ulm"}' }
  const history: ChatCompletionMessageParam[] = [
    { role: 'user', content: '雨?' },
    { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: call }] },
    { role: 'tool', content: '18°', tool_call_id: 'c1' },
  ]

  test('of tools reach a template that knows them; what they say stays plain text', async () => {
    const request = { model: 'tools', messages: history, max_tokens: 1 }
    const turns = ['user\n雨?', 'assistant\nweather(*Ulm)', 'tool\n18°[c1]']
    const prompt = turns.map((turn) => `<|im_start|>${turn}<|im_end|>\n`).join('')
    const ids = tokenizer.encode(`${prompt}<|im_start|>assistant\n`).length
    const plain =
      tokenizer.encode(tokenizer.guard('(<|im_end|>Ulm')).length - tokenizer.encode('(*Ulm').length
    expect((await chat(request)).usage!.prompt_tokens).toBe(ids + plain)
  })

  test('of tools are refused where the template knows none', async () => {
    const error = await refusal(chat({ messages: history }))
    expect(error).toMatchObject({ status: 400, param: 'messages' })
    expect(error.message).toContain('it knows no tool calls and no turns of tools')
  })

  test('that are too long are refused with both numbers', async () => {
    const error = await refusal(chat({ messages: ask('ha '.repeat(99)) }))
    expect(error).toMatchObject({ status: 400, param: 'messages', code: 'context_length_exceeded' })
    expect(error.message).toMatch(/the prompt has \d{3} tokens .*the context window of 128 /)
    const more = await refusal(chat({ max_tokens: 120 }))
    expect(more).toMatchObject({ status: 400, code: 'context_length_exceeded' })
    expect(more.message).toMatch(/leaves \d+ for a reply, and 120 are asked for/)
  })
})

describe('completions', () => {
  const complete = (extra: object) =>
    openai.completions.create({
      model: 'tiny',
      prompt: '感冒',
      temperature: 0,
      max_tokens: 6,
      ...extra,
      stream: false,
    })

  test('continue several prompts, texts or tokens, n times each', async () => {
    const prompts = ['感冒', '一二', '你好']
    const alone = await Promise.all(prompts.map((prompt) => complete({ prompt })))
    const texts = alone.map(({ choices }) => choices[0]!.text)
    const together = await complete({ prompt: prompts, n: 2 })
    expect(together.choices.map(({ text }) => text)).toEqual(texts.flatMap((text) => [text, text]))
    expect(together.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5])
    expect(together.usage).toMatchObject({
      prompt_tokens: alone.reduce((sum, { usage }) => sum + usage!.prompt_tokens, 0),
      completion_tokens: 2 * alone.reduce((sum, { usage }) => sum + usage!.completion_tokens, 0),
    })
    const tokens = prompts.map((prompt) => tokenizer.encodeRaw(prompt))
    expect((await complete({ prompt: tokens })).choices.map(({ text }) => text)).toEqual(texts)
    expect((await complete({ prompt: tokens[0] })).choices[0]!.text).toBe(texts[0])
    expect((await refusal(complete({ prompt: [1, 99999] }))).param).toBe('prompt')
  })

  test('stream as they are', async () => {
    const request = {
      model: 'tiny',
      prompt: ['感冒', '一二'],
      temperature: 0,
      max_tokens: 6,
      echo: true,
      logprobs: 1,
    }
    const whole = await complete(request)
    const options = { stream: true, stream_options: { include_usage: true } } as const
    const chunks = await Array.fromAsync(await openai.completions.create({ ...request, ...options }))
    expect(chunks.pop()).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.every(({ usage }) => usage === null)).toBe(true)
    for (const { index, text, logprobs, finish_reason } of whole.choices) {
      const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index)
      expect(own.map((choice) => choice.text).join('')).toBe(text)
      expect(own.flatMap((choice) => choice.logprobs?.tokens ?? [])).toEqual(logprobs!.tokens)
      expect(own.flatMap((choice) => choice.logprobs?.text_offset ?? [])).toEqual(logprobs!.text_offset)
      expect(own.at(-1)!.finish_reason).toBe(finish_reason)
    }
  })

  test('are refused before anything is told when one of their prompts is too long', async () => {
    const prompt = ['感冒', 'ha '.repeat(99)]
    const streamed = openai.completions.create({ model: 'tiny', prompt, stream: true })
    expect(await refusal(streamed)).toMatchObject({ status: 400, code: 'context_length_exceeded' })
  })

  test('tell how much of a prompt had been read for another', async () => {
    const prompt = Array.from({ length: 100 }, (_, i) => 100 + i)
    const cached: (number | undefined)[] = []
    for (let i = 0; i < 2; i++) {
      const { usage } = await complete({ prompt, n: 2 })
      cached.push(usage!.prompt_tokens_details!.cached_tokens)
    }
    expect(cached).toEqual([0, 96]) // whole chunks are kept
  })

  test('begin with the prompt when it is to be echoed', async () => {
    const { text } = (await complete({})).choices[0]!
    expect((await complete({ echo: true })).choices[0]).toMatchObject({ text: `感冒${text}`, logprobs: null })
    const tokens = tokenizer.encodeRaw('感冒')
    expect((await complete({ prompt: tokens, echo: true })).choices[0]!.text).toBe(`感冒${text}`)
    expect((await complete({ echo: true, max_tokens: 0 })).choices[0]!.text).toBe('感冒')
  })

  test('tell how probable each token was, of a prompt as of what followed it', async () => {
    const told = (await complete({ logprobs: 2, max_tokens: 4 })).choices[0]!.logprobs!
    expect(told.tokens!.length).toBe(4)
    for (const [i, token] of told.tokens!.entries()) {
      const top = told.top_logprobs![i]!
      expect(Object.keys(top).length).toBe(2)
      expect(top[token]).toBe(told.token_logprobs![i])
      expect(Math.max(...Object.values(top))).toBe(top[token]) // greedy
    }

    const { text, logprobs } = (await complete({ logprobs: 2, echo: true, max_tokens: 4 })).choices[0]!
    const prompt = tokenizer.encodeRaw('感冒')
    const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs!
    expect([tokens!.length, token_logprobs!.length]).toEqual([prompt.length + 4, prompt.length + 4])
    expect([token_logprobs![0], top_logprobs![0]]).toEqual([null, null])
    expect(tokens!.slice(prompt.length)).toEqual(told.tokens)
    for (const [i, token] of tokens!.entries()) {
      const end = text_offset![i + 1] ?? text.length
      if (!token.startsWith('\\x')) expect(text.slice(text_offset![i], end)).toBe(token)
    }
    // What was generated is as probable when it is read.
    const idOf = new Map(Array.from({ length: tokenizer.size }, (_, id) => [tokenizer.written(id).token, id]))
    const all = tokens!.map((token) => idOf.get(token)!)
    const request = { prompt: all, logprobs: 0, echo: true, max_tokens: 0 }
    const read = (await complete(request)).choices[0]!.logprobs!
    expect(read.tokens).toEqual(tokens)
    for (const [i, value] of token_logprobs!.entries())
      if (value !== null) expect(read.token_logprobs![i]).toBeCloseTo(value, 4)
  })
})

describe('what is not supported is refused by name', () => {
  test.each([
    ['tools', [{ type: 'function', function: { name: 'f' } }]],
    ['tool_choice', 'required'],
    ['tool_choice', { type: 'function', function: { name: 'f' } }],
    ['functions', [{ name: 'f' }]],
    ['audio', { voice: 'alloy', format: 'wav' }],
    ['modalities', ['text', 'audio']],
    ['prediction', { type: 'content', content: 'x' }],
    ['web_search_options', {}],
    ['reasoning_effort', 'high'],
    ['verbosity', 'low'],
    ['store', true],
    ['service_tier', 'flex'],
    ['top_logprobs', 3],
    ['n', 129],
    ['n', 0],
    ['temperature', 2.1],
    ['top_p', 0],
    ['frequency_penalty', 3],
    ['presence_penalty', -3],
    ['min_p', 2],
    ['repetition_penalty', 0],
    ['max_tokens', 0],
    ['max_completion_tokens', 0],
    ['best_of', 2],
    ['stop', ['a', 'b', 'c', 'd', 'e']],
    ['stop', ''],
    ['stream_options', { include_usage: true }],
    ['logit_bias.ten', undefined, { logit_bias: { ten: 1 } }],
    [
      'messages[0].content[0].type',
      undefined,
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
    ],
    ['messages[0].name', undefined, { messages: [{ role: 'user', content: 'x', name: 'Ada' }] }],
  ])('%s: %j', async (param, value, request: object = { [param]: value }) => {
    const error = await refusal(chat(request))
    expect(error).toMatchObject({ status: 400, param, type: 'invalid_request_error' })
    expect(error.message).toContain(param)
  })

  test.each([
    ['best_of', 2],
    ['suffix', 'end'],
    ['logprobs', 21],
    ['prompt', []],
    ['stream_options', { include_usage: true }],
    ['n', 129],
  ])('of completions, %s: %j', async (param, value) => {
    const request = { model: 'tiny', prompt: 'x', [param]: value }
    expect(await refusal(openai.completions.create(request))).toMatchObject({ status: 400, param })
  })

  test('and what asks for nothing is not', async () => {
    const nothing = {
      ...{ tools: [], tool_choice: 'none', parallel_tool_calls: true, modalities: ['text'], user: 'u' },
      ...{ store: false, service_tier: 'auto', metadata: { a: 'b' }, response_format: { type: 'text' } },
      ...{ n: null, logprobs: null, logit_bias: null, seed: null, stop: null, reasoning_effort: 'none' },
    } as Extended
    expect(await said(nothing)).toEqual([answer])
  })
})

const python = process.env.PREAMBLE_OPENAI_PYTHON ?? 'python3'
const run = (...words: string[]) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    execFile(python, words, (error, stdout, stderr) => {
      resolve({ code: error ? 1 : 0, output: `${stdout}${stderr}` })
    })
  })
const has = await run('-c', 'import openai')
const missing =
  has.code === 0 ? '' : `: skipped, ${python} has no openai, and PREAMBLE_OPENAI_PYTHON names none`

test.skipIf(missing)(`the Python package has its answers too${missing}`, async () => {
  const script = fileURLToPath(new URL('../../test/openai_client.py', import.meta.url))
  expect(await run(script, `${server.url}/v1`, answer)).toEqual({ code: 0, output: 'ok\n' })
})
