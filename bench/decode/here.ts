/** Decodes with this engine and prints its report: `here.ts SETTING`. */
import { join } from 'node:path'
import { KeyValueCache } from '../../engine/decoding/cache.ts'
import { Decoder } from '../../engine/decoding/decoder.ts'
import { argmax } from '../../engine/decoding/largest.ts'
import { openModel } from '../../engine/models/open.ts'
import { openBase } from '../../engine/plan/base-form.ts'
import { Random } from '../../engine/random.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { reportOf, type Setting } from './side.ts'

const { base, batch, context, steps } = JSON.parse(process.argv[2]!) as Setting
const model = openModel(base)
const opening = openBase(model, openCheckpoint(base), 'int4-integer', join(base, 'quantized'))
let opened = opening.next()
while (!opened.done) opened = opening.next()
await using decoder = await Decoder.open(model, opened.value)

// Rows of a context that nobody has read: how fast the next one comes does not depend on what they are.
const random = new Random(1)
const rows = Array.from({ length: 2 * model.layers }, () =>
  random.normal(model.kvHeads * context * model.headDim, 1),
)
const sequences = Array.from({ length: batch }, () => {
  const cache = new KeyValueCache(model)
  cache.append(rows, context)
  return { cache, next: random.below(model.vocabulary) }
})
async function step() {
  for (const sequence of sequences)
    sequence.next = argmax(await decoder.read([sequence.next], sequence.cache))
}

await step() // allocators and threads get ready
const times = [performance.now()]
for (let i = 0; i < steps; i++) {
  await step()
  times.push(performance.now())
}
console.log(JSON.stringify(reportOf(times, batch)))
