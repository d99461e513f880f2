/** Sides that each decode several streams, in turns, and the ms of a step of each in each turn: `streams.ts SETTING`. */
import { readAdapter, type StoredAdapter } from '../../engine/adapters/peft.ts'
import { newSequence } from '../../engine/decoding/chunks.ts'
import { Decoder } from '../../engine/decoding/decoder.ts'
import { argmax } from '../../engine/decoding/largest.ts'
import { Random } from '../../engine/random.ts'
import { inTurn } from '../measure.ts'
import { quantized } from './base.ts'

export type StreamsSetting = {
  base: string
  /** Of each side the adapters' directories, stream by stream; null: none. */
  sides: Record<string, readonly (string | null)[]>
  /** Tokens that each stream has behind it at first, those of a prefix aside. */
  context: number
  turns: number
  /** Tokens that each stream gets in a turn. */
  steps: number
}

const { sides, context, turns, steps, ...setting } = JSON.parse(process.argv[2]!) as StreamsSetting
const { model, base } = quantized(setting.base)
const random = new Random(1)
// Rows of a context that nobody has read: how fast the next one comes does not depend on what they are.
const data = random.normal(2 * model.layers * context * model.kvHeads * model.headDim, 1)

/** A side in a session of its own, so that only those with LoRAs compute any. */
async function open(directories: StreamsSetting['sides'][string]): Promise<() => Promise<number>> {
  const adapters = new Map<string | null, StoredAdapter>([[null, {}]])
  for (const at of directories) if (at !== null && !adapters.has(at)) adapters.set(at, readAdapter(model, at))
  const lora = [...adapters.values()].find(({ lora }) => lora)?.lora
  const modules = lora?.targets.map(({ module }) => module)
  const decoder = await Decoder.open(model, base, { spin: true, modules }) // as when serving
  const { chunks } = decoder
  // As when serving, the rows of a prefix are there once for all who have it.
  const prefixes = new Map(
    [...adapters].map(([at, { prefix }]) => [at, prefix ? chunks.fromPrefix(prefix) : []] as const),
  )
  const streams = directories.map((at) => {
    const sequence = newSequence()
    for (const chunk of prefixes.get(at)!) chunks.join(sequence, chunk)
    chunks.append(sequence, { data, stride: context, first: 0, count: context })
    chunks.write(sequence)
    return { sequence, tokens: [random.below(model.vocabulary)], lora: adapters.get(at)!.lora }
  })
  const step = async () => {
    for (const [i, logits] of (await decoder.step(streams)).entries()) streams[i]!.tokens = [argmax(logits)]
  }
  return async () => {
    await step() // the caches of the processor had another side's weights
    const begun = performance.now()
    for (let i = 0; i < steps; i++) await step()
    return (performance.now() - begun) / steps
  }
}

const measurements: Record<string, () => Promise<number>> = {}
for (const [name, directories] of Object.entries(sides)) measurements[name] = await open(directories)
await inTurn(1, measurements) // allocators and threads get ready
console.log(JSON.stringify(await inTurn(turns, measurements)))
