/**
 * A step against the float32 matrix-multiply peak of this machine, measured in the same run through the same runtime.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { prefixAdapter } from '../../engine/adapters/prefix.ts'
import { input, matmul } from '../../engine/graph/build.ts'
import { openModel } from '../../engine/models/open.ts'
import { Random } from '../../engine/random.ts'
import { Session } from '../../engine/runtime/session.ts'
import { trainingGraph } from '../../engine/training/graph.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import { copiesAreCheap, openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { frozen } from '../../engine/weights/frozen.ts'
import { flopsOf, type Product, products } from '../flops.ts'
import { median } from '../measure.ts'
import { describe, geometries, samplesOf, writeBase } from './geometries.ts'

const geometry = geometries['llama-512x8']
const { batch, time, virtualTokens } = geometry
const [warmUp, rounds] = [3, 12]

export async function shareOfPeak(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'preamble-bench-'))
  try {
    writeBase(directory, geometry)
    await measure(join(directory, 'base'))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function measure(directory: string): Promise<void> {
  const model = openModel(directory)
  const checkpoint = openCheckpoint(directory)
  const base = { weight: frozen(checkpoint) }
  const adapter = prefixAdapter(model, 'bench', {
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: virtualTokens,
    prefix_projection: false,
  })
  const parameters = adapter.init(1)
  const symbols = { B: batch, T: time, N: (batch * time) / 2 }
  const all = products(Object.values(trainingGraph({ model, base, adapter, parameters })), symbols)
  const flops = all.reduce((sum, p) => sum + flopsOf(p), 0)

  // The peak is taken before and after the steps, over every distinct shape: the machine may be quieter at one time.
  const shapes = [...new Map(all.map((p) => [JSON.stringify(p), p])).values()]
  const peakNow = async () => {
    const speeds: number[] = []
    for (const shape of shapes) speeds.push(await speedOf(shape))
    return Math.max(...speeds)
  }
  const before = await peakNow()
  const times: number[] = []
  {
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }
    const setup = { model, base, adapter, parameters, optimizer, maxGradNorm: 1, longest: time }
    await using trainer = await Trainer.open({ ...setup, prepack: copiesAreCheap(checkpoint) })
    const samples = samplesOf(geometry)
    const step = () => timed(() => trainer.step([samples], 1e-3))
    for (let i = 0; i < warmUp; i++) await step()
    for (let i = 0; i < rounds; i++) times.push(await step())
  }
  const peakMemory = process.resourceUsage().maxRSS / 1024
  const peak = Math.max(before, await peakNow())

  const best = Math.min(...times)
  const middle = median(times)
  const share = (ms: number) => `${((100 * flops) / (ms / 1000) / peak).toFixed(1)}%`
  const giga = (x: number) => `${(x / 1e9).toFixed(1)} GFLOP`
  console.log(`geometry   ${describe(geometry)}`)
  console.log(`threads    ${availableParallelism()}`)
  console.log(`products   ${all.length}, ${giga(flops)} a step`)
  console.log(`step       ${middle.toFixed(0)} ms median, ${best.toFixed(0)} ms best of ${rounds}`)
  console.log(`tokens/s   ${((batch * time) / (middle / 1000)).toFixed(0)}`)
  console.log(`memory     ${peakMemory.toFixed(0)} MiB peak`)
  console.log(`peak       ${giga(peak)}/s, best single product of ${shapes.length} shapes`)
  console.log(`share      ${share(middle)} of the peak (median), ${share(best)} (best step)`)
}

/** The fastest of several runs of one product on its own, in FLOP/s. */
async function speedOf(product: Product): Promise<number> {
  const { batch, m, k, n, transA, transB } = product
  const lead = batch === 1 ? [] : [batch]
  const a = [...lead, ...(transA ? [k, m] : [m, k])]
  const b = [...lead, ...(transB ? [n, k] : [k, n])]
  await using session = await Session.open({ y: matmul(input('a', a), input('b', b), { transA, transB }) })
  const random = new Random(1)
  const fill = (shape: number[]) => {
    const count = shape.reduce((x, y) => x * y)
    return { shape, data: random.normal(count, 1) }
  }
  const feeds = { a: fill(a), b: fill(b) }
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 12; i++) best = Math.min(best, await timed(() => session.run(feeds)))
  return flopsOf(product) / (best / 1000)
}

/** Milliseconds. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}
