/** Requests for adapters at random, one after the other, where memory holds a part of them: `at-random.ts SETTING`. */
import { readAdapter } from '../../engine/adapters/peft.ts'
import { ResidentAdapters } from '../../engine/adapters/resident.ts'
import { Budget } from '../../engine/decoding/budget.ts'
import { Decoder } from '../../engine/decoding/decoder.ts'
import { Scheduler } from '../../engine/decoding/scheduler.ts'
import { Random } from '../../engine/random.ts'
import { quantized } from './base.ts'

export type AtRandomSetting = {
  base: string
  /** Each adapter with what its tensors hash to. */
  adapters: readonly { directory: string; hash: string }[]
  /** Bytes of adapters that stay in memory. */
  budget: number
  /** Tokens of each prompt. */
  prompt: number
  requests: number
}

/** A request: whether its adapter was in memory, and the ms until it was, and until the first token. */
export type Visit = { adapter: number; hit: boolean; load: number; first: number }

const setting = JSON.parse(process.argv[2]!) as AtRandomSetting
const { model, base } = quantized(setting.base)
const limits = { budget: new Budget(2 ** 30), waiting: 1 }
const scheduler = new Scheduler(model, (options) => Decoder.open(model, base, options), limits)
const resident = new ResidentAdapters(setting.budget)
const random = new Random(1)
let reads = 0

async function visit(adapter: number): Promise<Visit> {
  const { directory, hash } = setting.adapters[adapter]!
  const prompt = Array.from({ length: setting.prompt }, () => random.below(model.vocabulary))
  const before = reads
  const start = performance.now()
  using lease = resident.lease({ base: setting.base, adapter: directory, adapterHash: hash }, () => {
    reads += 1
    return readAdapter(model, directory, hash)
  })
  const load = performance.now() - start
  using reader = scheduler.enter(lease.adapter)
  await reader.read(prompt)
  return { adapter, hit: reads === before, load, first: performance.now() - start }
}

// Each once: the base is compiled for them, their files are in the page cache, and memory is full.
for (let i = 0; i < setting.adapters.length; i++) await visit(i)
const visits: Visit[] = []
for (let i = 0; i < setting.requests; i++) visits.push(await visit(random.below(setting.adapters.length)))
console.log(JSON.stringify(visits))
