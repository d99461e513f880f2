import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { families, familyReference, variantReference, variants } from '../../test/reference/load.ts'
import { readAdapter, type StoredAdapter } from '../adapters/peft.ts'
import { defaultTargets, factorNames, targetsOf } from '../adapters/targets.ts'
import type { Model } from '../models/model.ts'
import { openModel } from '../models/open.ts'
import { linearModules } from '../models/weight-shapes.ts'
import { Random } from '../random.ts'
import { Budget } from './budget.ts'
import { Chunks } from './chunks.ts'
import { argmax } from './largest.ts'
import { openDecoder } from './open.ts'
import { type Limits, Scheduler } from './scheduler.ts'

type Text = { adapter: StoredAdapter; prompt: readonly number[]; count: number }

type Adapters = Record<'base' | 'prefix' | 'lora', StoredAdapter>

function serve(name: (typeof families)[number], limits: Partial<Limits> = {}) {
  const { directory, greedy } = familyReference(name)
  const model = openModel(directory)
  const adapters: Adapters = {
    base: {},
    prefix: readAdapter(model, join(directory, 'prefix')),
    lora: readAdapter(model, join(directory, 'lora')),
  }
  return { greedy, ...served(model, directory, adapters, limits) }
}

function served(model: Model, directory: string, adapters: Adapters, limits: Partial<Limits> = {}) {
  const scheduler = new Scheduler(model, (options) => openDecoder(model, directory, options), {
    ...{ budget: new Budget(2 ** 30), waiting: 10_000, ...limits },
  })
  /** A greedy reply, which is left at its end or when `signal` says so. */
  async function reply({ adapter, prompt, count }: Text, signal?: AbortSignal): Promise<number[]> {
    using reader = scheduler.enter(adapter, signal)
    const tokens: number[] = []
    let logits = await reader.read(prompt)
    while (tokens.push(argmax(logits)) < count) logits = await reader.read(tokens.slice(-1))
    return tokens
  }
  return { model, adapters, scheduler, reply }
}

/** Tokens that tell one text from another. */
const promptOf = (seed: number, length: number, vocabulary: number) => {
  const random = new Random(seed)
  return Array.from({ length }, () => random.below(vocabulary))
}

const lengths = [63, 64, 65, 5, 1] // on both sides of a chunk's border

/** Eight texts: of each adapter one of `prompt`, then of all lengths. */
const eightTexts = (adapters: Adapters, model: Model, prompt: readonly number[]): Text[] => [
  ...Object.values(adapters).map((adapter) => ({ adapter, prompt, count: 32 })),
  ...lengths.map((length, i) => ({
    adapter: Object.values(adapters)[i % 3]!,
    prompt: promptOf(i, length, model.vocabulary),
    count: Math.min(70, model.maxPositions - length - 8),
  })),
]

type Served = Pick<ReturnType<typeof served>, 'reply'>
/** What each says alone, once all have said the same together, read in pieces of any size. */
async function saidAloneAndTogether(texts: readonly Text[], open: (limits?: Partial<Limits>) => Served) {
  const alone = open()
  const wanted: number[][] = []
  for (const text of texts) wanted.push(await alone.reply(text))
  for (const piece of [256, 7]) {
    const together = open({ piece })
    const found = await Promise.all(texts.map((text) => together.reply(text)))
    expect(found).toEqual(wanted)
    // Once more, in another order, where others have been: also behind what is left of them.
    const again = await Promise.all(texts.toReversed().map((text) => together.reply(text)))
    expect(again).toEqual(wanted.toReversed())
  }
  return wanted
}

describe('eight texts of base, prefix and LoRA say together what each says alone', () => {
  test.each(families)('%s', async (name) => {
    const { model, greedy, adapters } = serve(name)
    const texts = eightTexts(adapters, model, greedy.prompt)
    const said = await saidAloneAndTogether(texts, (limits) => serve(name, limits))
    expect(said.slice(0, 3)).toEqual([greedy.base, greedy.prefix, greedy.lora])
  })

  test.each(variants)('%s', async (name) => {
    const { directory, greedy } = variantReference(name)
    const model = openModel(directory)
    const adapters = { base: {}, prefix: randomPrefix(model), lora: randomLora(model) }
    const texts = eightTexts(adapters, model, greedy.prompt)
    const said = await saidAloneAndTogether(texts, (limits) => served(model, directory, adapters, limits))
    expect(said[0]).toEqual(greedy.base)
    expect(new Set(said.slice(0, 3).map(String)).size).toBe(3)
  })
})

function randomPrefix({ layers, kvHeads, headDim }: Model): StoredAdapter {
  const random = new Random(3)
  const rows = () => Array.from({ length: layers }, () => random.normal(5 * kvHeads * headDim, 1))
  return { prefix: { tokens: 5, keys: rows(), values: rows() } }
}
function randomLora(model: Model): StoredAdapter {
  const random = new Random(4)
  const targets = targetsOf(linearModules(model), {
    ...{ r: 2, lora_alpha: 2, target_modules: defaultTargets(model.type), use_rslora: false },
    ...{ rank_pattern: {}, alpha_pattern: {} },
  })
  const factor = (name: string, shape: [number, number]) =>
    [name, { shape, data: random.normal(shape[0] * shape[1], 0.3) }] as const
  const parameters = targets.flatMap(({ module, rank }) => {
    const { a, b } = factorNames(module)
    return [factor(a, [rank, module.in]), factor(b, [module.out, rank])]
  })
  return { lora: { targets, parameters: new Map(parameters) } }
}

test('texts behind one prefix share its rows, and a prompt that was read before is not read again', async () => {
  const { scheduler, adapters, model } = serve('llama-lora')
  const system = promptOf(1, 64, model.vocabulary)
  const readers = [1, 2, 3].map(() => scheduler.enter(adapters.prefix))
  await Promise.all(readers.map((reader, i) => reader.read([...system, i, i + 1])))
  // The prefix, the system prompt, and of each text its own rows.
  expect(scheduler.cacheChunks.used).toBe(1 + 2 + 3)
  for (const reader of readers) reader[Symbol.dispose]()
  expect(scheduler.cacheChunks.used).toBe(3)
})

/** Nobody who has left holds any memory: all of it can be had. */
const expectNothingHeld = (budget: Budget) =>
  expect(budget.makeRoom({ bytes: 0, evict: () => false, wake: () => {} }, budget.bytes)).toBe(true)

test('2,000 texts that come, go and are cut off at random all say what each says alone, in little memory', async () => {
  const alone = serve('llama-lora')
  const { model, adapters } = alone
  const random = new Random(5)
  const kinds: { text: Text; wanted: number[] }[] = []
  const shared = promptOf(99, 64, model.vocabulary)
  for (let i = 0; i < 18; i++) {
    const adapter = Object.values(adapters)[i % 3]!
    const own = promptOf(i, 1 + random.below(40), model.vocabulary)
    const text = { adapter, prompt: i % 2 === 0 ? [...shared, ...own] : own, count: 20 }
    kinds.push({ text, wanted: await alone.reply(text) })
  }
  const budget = new Budget(24 * new Chunks(model).bytes)
  const { reply, scheduler } = serve('llama-lora', { budget, piece: 29 })
  let [whole, cut] = [0, 0]
  const one = async () => {
    const { text, wanted } = kinds[random.below(kinds.length)]!
    const count = 1 + random.below(text.count)
    const stop = new AbortController()
    if (random.below(4) === 0) {
      const turns = random.below(12)
      void (async () => {
        for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
        stop.abort()
      })()
    }
    try {
      expect(await reply({ ...text, count }, stop.signal)).toEqual(wanted.slice(0, count))
      whole += 1
    } catch (error) {
      if (error !== stop.signal.reason) throw error
      cut += 1
    }
  }
  /** Forty clients, each of which asks again when it is answered. */
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      for (let i = 0; i < 50; i++) await one()
    }),
  )
  expect(whole + cut).toBe(2000)
  expect(whole).toBeGreaterThan(1400)
  expect(cut).toBeGreaterThan(200)
  expect(scheduler.cacheChunks.used).toBeLessThanOrEqual(24)
  expectNothingHeld(budget)
})

test('texts of two bases share one memory, which holds a few of them, and say what each says alone', async () => {
  const names = ['llama-lora', 'qwen3'] as const
  const bytes = Math.max(...names.map((name) => new Chunks(serve(name).model).bytes))
  const budget = new Budget(5 * bytes)
  const random = new Random(6)
  const clients = await Promise.all(
    names.map(async (name) => {
      const { model, adapters, reply } = serve(name)
      const texts = [1, 2, 3, 4, 5, 6].map((i): Text => {
        const prompt = promptOf(i, 20 * i, model.vocabulary)
        return { adapter: Object.values(adapters)[i % 3]!, prompt, count: 30 }
      })
      const wanted = await Promise.all(texts.map((text) => reply(text)))
      const together = serve(name, { budget })
      return async () => {
        const i = random.below(texts.length)
        const stop = new AbortController()
        if (random.below(5) === 0) setTimeout(() => stop.abort(), random.below(4))
        try {
          expect(await together.reply(texts[i]!, stop.signal)).toEqual(wanted[i])
        } catch (error) {
          if (error !== stop.signal.reason) throw error
        }
        expect(budget.taken).toBeLessThanOrEqual(budget.bytes)
      }
    }),
  )
  const often = async (ask: () => Promise<void>) => {
    for (let i = 0; i < 20; i++) await ask()
  }
  await Promise.all(clients.flatMap((ask) => Array.from({ length: 6 }, () => often(ask))))
  expectNothingHeld(budget)
})

test('when too many wait, the next one is refused', () => {
  const { scheduler, adapters } = serve('llama-lora', { waiting: 2 })
  const readers = [1, 2, 3].map(() => scheduler.enter(adapters.base))
  expect(() => scheduler.enter(adapters.base)).toThrow(expect.objectContaining({ code: 'overloaded' }))
  readers[0]![Symbol.dispose]()
  scheduler.enter(adapters.base)
})
