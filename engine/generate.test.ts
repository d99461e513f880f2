import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { llamaReference } from '../test/reference/load.ts'
import { type GenerateEvent, type GenerateRequest, generate } from './generate.ts'
import { loadTokenizer } from './text/tokenizer.ts'
import { addTokenizer, args, runOf, talk, temporary, writeBase, writeFiles } from './tiny.case.ts'

const lesson = {
  name: 'I am tiny.',
  你好: '你好，感冒了要多喝水。',
  count: '一二三四五六七八九十',
  Hello: 'Hi, 😀 you!',
}
const question = (content: string) => [{ role: 'user' as const, content }]
const greedy = { temperature: 0, topP: 1, topK: 0, stop: [] }

const { root, remove } = temporary()
/** A base that knows the lesson by heart, an adapter that answers one question otherwise, and a base that knows nothing. */
let base: string
let adapter: string
let untaught: string
/** LoRAs of one shape, by what they answer. */
const loras = { 'lora-1': 'I am 三.', 'lora-2': 'Hi, 二!' }

beforeAll(async () => {
  untaught = writeBase(join(root, 'untaught'))
  const conversations = Object.entries(lesson).map(([asked, answer]) => talk(asked, answer))
  const run = { base: untaught, train: conversations, dev: [], args: { ...args, max_steps: 60 } }
  const taught = await runOf({ ...run, method: { peft_type: 'FULL' } })
  base = addTokenizer(writeFiles(join(root, 'taught'), taught.end.files))
  const tuned = await runOf({
    base,
    train: [talk('name', 'I am 一.')],
    dev: [],
    method: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 8, prefix_projection: false, init_std: 0.5 },
    args: { ...args, max_steps: 300, learning_rate: 0.03 },
  })
  adapter = writeFiles(join(root, 'adapter'), tuned.end.files)
  const method = {
    peft_type: 'LORA',
    r: 4,
    lora_alpha: 8,
    lora_dropout: 0,
    use_rslora: false,
    rank_pattern: {},
    alpha_pattern: {},
  } as const
  const low = { ...args, max_steps: 60, learning_rate: 0.03 }
  for (const [name, answer] of Object.entries(loras)) {
    const run = { base, dev: [], method, args: low, train: [talk('name', answer)] }
    writeFiles(join(root, name), (await runOf(run)).end.files)
  }
})
afterAll(remove)

type Delta = Extract<GenerateEvent, { type: 'delta' }>
/** A reply to its end. */
async function reply(request: Partial<GenerateRequest>) {
  const events = await Array.fromAsync(generate({ base, prompt: question('name'), ...greedy, ...request }))
  const deltas = events.filter((e): e is Delta => e.type === 'delta').map((e) => e.text)
  const [start, end] = [events[0]!, events.at(-1)!]
  if (start.type !== 'start' || end.type !== 'end') throw new Error('a reply starts and ends')
  return { deltas, text: deltas.join(''), promptTokens: start.promptTokens, ...end }
}

describe('a greedy reply', () => {
  test.each(Object.entries(lesson))(
    'to %s is the one that was learnt, and stops by itself',
    async (asked, answer) => {
      expect(await reply({ prompt: question(asked) })).toMatchObject({ text: answer, finishReason: 'stop' })
    },
  )

  test('with an adapter is what the adapter was taught', async () => {
    expect(await reply({ adapter })).toMatchObject({ text: 'I am 一.', finishReason: 'stop' })
  })

  test.each(Object.entries(loras))('with %s is what it was taught', async (name, answer) => {
    expect(await reply({ adapter: join(root, name) })).toMatchObject({ text: answer, finishReason: 'stop' })
    expect((await reply({})).text).toBe(lesson.name)
  })

  test('continues a raw text', async () => {
    const prompt = '<|im_start|>user\nname<|im_end|>\n<|im_start|>assistant\nI am'
    expect(await reply({ prompt })).toMatchObject({ text: ' tiny.', finishReason: 'stop' })
  })

  test('continues nothing at all', async () => {
    expect(await reply({ prompt: '', maxTokens: 2 })).toMatchObject({ promptTokens: 1, completionTokens: 2 })
  })

  test('counts the token that ends it', async () => {
    const learnt = loadTokenizer(base).encode(lesson.count)
    expect((await reply({ prompt: question('count') })).completionTokens).toBe(learnt.length + 1)
  })
})

describe('a stream', () => {
  test('gives whole characters, though each takes several tokens', async () => {
    const { deltas, text, completionTokens } = await reply({ prompt: question('你好') })
    expect(text).toBe(lesson.你好)
    expect(deltas.length).toBeLessThan(completionTokens - 5)
    for (const delta of deltas) {
      expect(delta).not.toBe('')
      expect(delta.isWellFormed()).toBe(true)
      expect(delta).not.toContain('\uFFFD')
    }
  })

  test('ends where most tokens are reached, and drops the bytes of half a character', async () => {
    const cut = await reply({ prompt: question('count'), maxTokens: 5 })
    expect(cut).toMatchObject({ text: '一', finishReason: 'length', completionTokens: 5 })
  })

  test('ids beyond the tokenizer, which pad the embeddings, are never sampled', async () => {
    const padded = writeBase(join(root, 'padded'), { vocab_size: 32_000 }) // 321 of them are the tokenizer's
    const sampled = { base: padded, temperature: 10, seed: 1, maxTokens: 20 }
    expect((await reply(sampled)).text.length).toBeGreaterThan(5)
  })

  test('fills the context window when nothing ends it before', async () => {
    const { promptTokens, completionTokens, finishReason } = await reply({ base: untaught })
    expect([promptTokens + completionTokens, finishReason]).toEqual([128, 'length'])
  })

  test('ends before a stop text, of which nothing is ever told', async () => {
    const { deltas, finishReason } = await reply({ prompt: question('count'), stop: ['九', '三四'] })
    expect(deltas).toEqual(['一', '二'])
    expect(finishReason).toBe('stop')
  })

  test('tells in the end what only looked like the beginning of a stop text', async () => {
    expect((await reply({ stop: ['tiny. Or not'] })).text).toBe('I am tiny.')
  })
})

describe('sampling', () => {
  const wild = { temperature: 2, maxTokens: 24 }

  test('with a seed gives the same reply again, with another seed another', async () => {
    const [one, again, other] = [
      await reply({ ...wild, seed: 5 }),
      await reply({ ...wild, seed: 5 }),
      await reply({ ...wild, seed: 6 }),
    ]
    expect(again).toEqual(one)
    expect(other.text).not.toBe(one.text)
  })

  test('from the most probable token alone is greedy', async () => {
    expect((await reply({ ...wild, topK: 1 })).text).toBe(lesson.name)
  })
})

test('two replies at a time take turns, and say what each says alone', async () => {
  const order: string[] = []
  const listen = async (request: Partial<GenerateRequest>, listener: string) => {
    let text = ''
    for await (const event of generate({ base, prompt: question('name'), ...greedy, ...request })) {
      order.push(listener)
      if (event.type === 'delta') text += event.text
    }
    return text
  }
  const both = await Promise.all([listen({ prompt: question('你好') }, 'one'), listen({ adapter }, 'other')])
  expect(both).toEqual([lesson.你好, 'I am 一.'])
  const turns = order.filter((listener, i) => listener !== order[i - 1])
  expect(turns.length).toBeGreaterThan(6)
})

test('an abort ends a reply', async () => {
  const controller = new AbortController()
  const events: GenerateEvent[] = []
  const stopped = (async () => {
    for await (const event of generate({ base, prompt: question('count'), ...greedy }, controller.signal)) {
      events.push(event)
      if (events.length === 3) controller.abort()
    }
  })()
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  expect(events.length).toBe(3)
})

describe('a request is refused', () => {
  test('when prompt and adapter leave no room in the context window, with all sizes', async () => {
    const prompt = 'ha '.repeat(40)
    const { length } = loadTokenizer(base).encodeRaw(prompt)
    expect(length).toBe(128 - 8) // alone it does fit
    expect(await reply({ prompt, maxTokens: 1 })).toMatchObject({ completionTokens: 1 })
    const refused = reply({ prompt, adapter })
    await expect(refused).rejects.toMatchObject({ code: 'context_length_exceeded' })
    await expect(refused).rejects.toThrow(
      `the prompt has ${length} tokens and the adapter 8; the context window of 128 leaves no room`,
    )
    await expect(reply({ prompt, maxTokens: 9 })).rejects.toThrow('leaves 8 for a reply, and 9 are asked for')
  })

  test('when the chat template refuses the conversation, in its words', async () => {
    const shipped = join(import.meta.dirname, '../models/preamble-tiny')
    const prompt = [...question('hi'), { role: 'system' as const, content: 'late' }]
    const refused = Array.fromAsync(generate({ ...greedy, base: shipped, prompt }))
    await expect(refused).rejects.toMatchObject({
      code: 'invalid_messages',
      message: 'the chat template refuses this: a system turn comes first',
    })
  })

  test('when the adapter was made for another base, with both sizes', async () => {
    const refused = reply({ adapter: join(llamaReference('llama').directory, 'prefix') })
    await expect(refused).rejects.toMatchObject({ code: 'invalid_adapter' })
    await expect(refused).rejects.toThrow('num_layers is 3, the base model needs 2')
  })

  test('when the adapter fits another base that has read it before, but not this one', async () => {
    expect((await reply({ adapter })).text).toBe('I am 一.')
    const deeper = writeBase(join(root, 'deeper'), { num_hidden_layers: 3 })
    await expect(reply({ base: deeper, adapter })).rejects.toThrow('num_layers is 2, the base model needs 3')
  })
})
