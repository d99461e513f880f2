/** Decodes with this engine and prints its report: `here.ts SETTING`. */
import { join } from 'node:path'
import { Decoder } from '../../engine/decoding/decoder.ts'
import { argmax } from '../../engine/decoding/largest.ts'
import { openModel } from '../../engine/models/open.ts'
import { Random } from '../../engine/random.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { quantizedBase } from '../../engine/weights/quantized/base.ts'
import { reportOf, type Setting } from './side.ts'

const { base, batch, context, steps } = JSON.parse(process.argv[2]!) as Setting
const model = openModel(base)
const quantization = { bits: 4, products: 'forward' } as const
const opening = quantizedBase(model, openCheckpoint(base), quantization, join(base, 'quantized'))
let opened = opening.next()
while (!opened.done) opened = opening.next()
await using decoder = await Decoder.open(model, opened.value, { spin: true })

// Rows of a context that nobody has read: how fast the next one comes does not depend on what they are.
const random = new Random(1)
const data = random.normal(2 * model.layers * context * model.kvHeads * model.headDim, 1)
const turns = Array.from({ length: batch }, () => {
  const sequence = decoder.start()
  decoder.chunks.append(sequence, { data, stride: context, first: 0, count: context })
  decoder.chunks.write(sequence)
  return { sequence, tokens: [random.below(model.vocabulary)] }
})
async function step() {
  for (const [i, logits] of (await decoder.step(turns)).entries()) turns[i]!.tokens = [argmax(logits)]
}

await step() // allocators and threads get ready
const times = [performance.now()]
for (let i = 0; i < steps; i++) {
  await step()
  times.push(performance.now())
}
console.log(JSON.stringify(reportOf(times, batch)))
