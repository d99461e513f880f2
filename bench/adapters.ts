/**
 * `npm run bench:adapters`: what it costs that streams of one batch have different adapters, and how long adapters take to
 * come from disk. A 4-bit base with random weights, as in bench:decode. Let nothing else run meanwhile.
 *
 * npm run bench:adapters -- [--turns N] [--requests N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { adapterHash, openEngine, tensorFile } from '../engine/index.ts'
import { openModel } from '../engine/models/open.ts'
import { diskStore } from '../infra/store/disk.ts'
import { writeFakeCheckpoint } from '../scripts/fake-checkpoint.ts'
import type { AtRandomSetting, Visit } from './adapters/at-random.ts'
import { randomLora, randomPrefix, write } from './adapters/fixtures.ts'
import type { StreamsSetting } from './adapters/streams.ts'
import { geometries } from './decode/geometries.ts'
import { median, quantile, run } from './measure.ts'

const bars = { prefixes: 0.95, loras: 0.9, load: 15 } // times the speed of the other side, the same, ms

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '24' },
    requests: { type: 'string', default: '300' },
  },
})
const geometry = geometries['llama-1024x16']
const batch = 8
const steps = 8
const virtualTokens = 128
const contexts = [128, 1024]
const prompt = 32
const missed: string[] = []

const root = mkdtempSync(join(tmpdir(), 'preamble-adapters-'))
try {
  const base = join(root, 'base')
  writeFakeCheckpoint(geometry.config, base)
  console.log(`${geometry.words}; 4 bits; ${availableParallelism()} threads`)
  await mixed(base)
  await atRandom(base)
  await loading(base)
  console.log(missed.length > 0 ? missed.join('\n') : 'every bar is met')
  if (missed.length > 0) process.exitCode = 1
} finally {
  rmSync(root, { recursive: true, force: true })
}

/** What a program of this bench prints, in a process of its own. */
async function ran<T>(program: string, setting: object): Promise<T> {
  const file = join(import.meta.dirname, 'adapters', program)
  return JSON.parse(await run(process.execPath, [file, JSON.stringify(setting)]))
}

/** Streams of different adapters beside streams that have one, or none. */
async function mixed(base: string): Promise<void> {
  const model = openModel(base)
  const [prefixes, loras]: [string[], string[]] = [[], []]
  for (let i = 0; i < batch; i++) {
    prefixes.push(write(join(root, `prefix-${i}`), randomPrefix(model, virtualTokens, i)))
    loras.push(write(join(root, `lora-${i}`), await randomLora(model, i)))
  }
  const sides = {
    prefixes,
    prefix: prefixes.map(() => prefixes[0]!),
    loras,
    none: loras.map(() => null),
  }
  console.log(
    `\n${batch} streams; prefixes of ${virtualTokens} virtual tokens, LoRAs of rank 8 on queries and values;\n` +
      `tokens/s of all, median of ${values.turns} turns of ${steps} steps; × is the median of the turns' own ratios`,
  )
  console.log(row('context', [`${batch} prefixes`, 'one prefix', `${batch} LoRAs`, 'no adapter']))
  const told: string[] = []
  for (const context of contexts) {
    const setting: StreamsSetting = { base, sides, context, turns: Number(values.turns), steps }
    const milliseconds = await ran<Record<keyof typeof sides, number[]>>('streams.ts', setting)
    const speeds = Object.values(milliseconds).map((turns) => (1000 * batch) / median(turns))
    console.log(
      row(
        String(context),
        speeds.map((speed) => speed.toFixed(1)),
      ),
    )
    // The two sides of one turn had the same machine: how fast it is changes from turn to turn.
    const compare = (words: string, side: keyof typeof sides, other: keyof typeof sides, bar: number) => {
      const ratio = median(milliseconds[side].map((ms, turn) => milliseconds[other][turn]! / ms))
      const line = `context ${context}: ${batch} ${words} ${ratio.toFixed(3)} ×, the bar is ${bar}`
      told.push(line)
      if (ratio < bar) missed.push(`missed: ${line}`)
    }
    compare('prefixes against one', 'prefixes', 'prefix', bars.prefixes)
    compare('LoRAs against none', 'loras', 'none', bars.loras)
  }
  console.log(told.join('\n'))
}

/** Hits and misses of the memory for adapters. */
async function atRandom(base: string): Promise<void> {
  const model = openModel(base)
  const adapters: (AtRandomSetting['adapters'][number] & { bytes: number })[] = []
  for (let i = 0; i < 64; i++) {
    const files = i % 2 === 0 ? randomPrefix(model, virtualTokens, i) : await randomLora(model, i)
    const tensors = files[tensorFile]!
    const directory = write(join(root, `adapter-${i}`), files)
    adapters.push({ directory, hash: adapterHash(tensors), bytes: tensors.length })
  }
  const bytes = adapters.reduce((sum, adapter) => sum + adapter.bytes, 0)
  const budget = Math.floor(bytes / 2)
  const requests = Number(values.requests)
  const visits = await ran<Visit[]>('at-random.ts', { base, adapters, budget, prompt, requests })
  const megabytes = (n: number) => `${(n / 1e6).toFixed(1)} MB`
  console.log(
    `\n64 adapters on disk (page cache), ${megabytes(bytes)}, of which memory holds ${megabytes(budget)}; ${requests} requests at random,\n` +
      `one at a time, with a prompt of ${prompt} new tokens each; ms`,
  )
  console.log(row('', ['requests', 'load p50', 'p99', 'first token p50', 'p99']))
  for (const [kind, rest] of [
    ['prefix', 0],
    ['LoRA', 1],
  ] as const)
    for (const hit of [true, false]) {
      const own = visits.filter((visit) => visit.adapter % 2 === rest && visit.hit === hit)
      const spread = (times: number[]) => [0.5, 0.99].map((q) => quantile(times, q).toFixed(2))
      const loads = own.map(({ load }) => load)
      const firsts = own.map(({ first }) => first)
      const words = `${kind} of ${megabytes(adapters[rest]!.bytes)}, ${hit ? 'hit' : 'miss'}`
      console.log(row(words, [String(own.length), ...spread(loads), ...spread(firsts)]))
    }
}

/** A prefix from the store to the memory of the engine's thread, checked against its hash. */
async function loading(base: string): Promise<void> {
  // As large as one of 128 virtual tokens for ChatGLM3-6B: 224 × 16 layers × 2 × 256 × 4 B.
  const files = randomPrefix(openModel(base), 224, 1)
  const store = diskStore(join(root, 'objects'))
  for (const [name, content] of Object.entries(files)) await store.putBytes(`adapters/one/${name}`, content)
  const hash = adapterHash(files[tensorFile]!)
  const engine = openEngine()
  const times: number[] = []
  try {
    for (let i = 0; i < 101; i++) {
      const start = performance.now()
      const adapter = await store.directory('adapters/one')
      await engine.adapters.load({ base, adapter, adapterHash: hash, pin: false })
      if (i > 0) times.push(performance.now() - start) // the first one starts the thread
      await engine.adapters.drop(adapter)
    }
  } finally {
    await engine.close()
  }
  console.log(
    `\nload of a prefix of ${(files[tensorFile]!.length / 1e6).toFixed(2)} MB from disk storage, not in memory but in the page cache, hash and all:\n` +
      `median of ${times.length}: ${median(times).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms; the bar is ${bars.load} ms`,
  )
  if (median(times) > bars.load) missed.push(`missed: load of a prefix: at most ${bars.load} ms`)
}

function row(what: string, cells: readonly string[]): string {
  return what.padEnd(38) + cells.map((cell) => cell.padStart(16)).join('')
}
