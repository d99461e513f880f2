/**
 * `npm run bench:train`: one P-Tuning v2 step of a Llama-shaped model with random weights, against the float32
 * matrix-multiply peak of this machine, measured in the same run through the same runtime.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { prefixAdapter } from '../engine/adapters/prefix.ts'
import { input, matmul } from '../engine/graph/build.ts'
import { openModel } from '../engine/models/open.ts'
import { Random } from '../engine/random.ts'
import { Session } from '../engine/runtime/session.ts'
import type { TokenSample } from '../engine/training/batch.ts'
import { Trainer, trainingGraph } from '../engine/training/trainer.ts'
import { copiesAreCheap, openCheckpoint } from '../engine/weights/checkpoint.ts'
import { frozen } from '../engine/weights/frozen.ts'
import { writeInitialCheckpoint } from '../engine/weights/initial.ts'
import { flopsOf, type Product, products } from './flops.ts'

const config = {
  model_type: 'llama',
  hidden_size: 512,
  intermediate_size: 1408,
  num_hidden_layers: 8,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  vocab_size: 8000,
}
const [batch, time, virtualTokens, warmUp, rounds] = [4, 256, 128, 3, 12]

/** The fastest of several runs of one product on its own, in FLOP/s. */
async function speedOf(product: Product): Promise<number> {
  const { batch, m, k, n, transA, transB } = product
  const lead = batch === 1 ? [] : [batch]
  const a = [...lead, ...(transA ? [k, m] : [m, k])]
  const b = [...lead, ...(transB ? [n, k] : [k, n])]
  await using session = await Session.open({ y: matmul(input('a', a), input('b', b), { transA, transB }) })
  const random = new Random(1)
  const fill = (shape: number[]) => ({
    shape,
    data: random.normal(
      shape.reduce((x, y) => x * y),
      1,
    ),
  })
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

const directory = mkdtempSync(join(tmpdir(), 'preamble-bench-'))
try {
  writeInitialCheckpoint(directory, config, 1)
  const model = openModel(directory)
  const adapter = prefixAdapter(model, 'bench', {
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: virtualTokens,
    prefix_projection: false,
  })
  const checkpoint = openCheckpoint(directory)
  const base = { weight: frozen(checkpoint) }
  const parameters = adapter.init(1)

  const symbols = { B: batch, T: time, N: (batch * time) / 2 }
  const all = products(Object.values(trainingGraph({ model, base, adapter, parameters })), symbols)
  const flops = all.reduce((sum, p) => sum + flopsOf(p), 0)

  const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }
  const setup = {
    model,
    base,
    adapter,
    parameters,
    optimizer,
    maxGradNorm: 1,
    longest: time,
    prepack: copiesAreCheap(checkpoint),
  }
  const random = new Random(2)
  const samples: TokenSample[] = Array.from({ length: batch }, () => ({
    tokens: Array.from({ length: time }, () => random.below(config.vocab_size)),
    targets: Array.from({ length: time / 2 }, (_, i) => time / 2 + i), // the second half is the reply
  }))
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
    await using trainer = await Trainer.open(setup)
    const step = () => timed(() => trainer.step([samples], 1e-3))
    for (let i = 0; i < warmUp; i++) await step()
    for (let i = 0; i < rounds; i++) times.push(await step())
  }
  const peakMemory = process.resourceUsage().maxRSS / 1024
  const peak = Math.max(before, await peakNow())

  const best = Math.min(...times)
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!
  const share = (ms: number) => `${((100 * flops) / (ms / 1000) / peak).toFixed(1)}%`
  const giga = (x: number) => `${(x / 1e9).toFixed(1)} GFLOP`
  console.log(`model      hidden 512, 8 layers, 8 heads, 2 KV heads, FFN 1408, vocabulary 8000`)
  console.log(`batch      ${batch} × ${time} tokens, half of them labelled, ${virtualTokens} virtual tokens`)
  console.log(`threads    ${availableParallelism()}`)
  console.log(`products   ${all.length}, ${giga(flops)} a step`)
  console.log(`step       ${median.toFixed(0)} ms median, ${best.toFixed(0)} ms best of ${rounds}`)
  console.log(`tokens/s   ${((batch * time) / (median / 1000)).toFixed(0)}`)
  console.log(`memory     ${peakMemory.toFixed(0)} MB peak`)
  console.log(`peak       ${giga(peak)}/s, best single product of ${shapes.length} shapes`)
  console.log(`share      ${share(median)} of the peak (median), ${share(best)} (best step)`)
} finally {
  rmSync(directory, { recursive: true })
}
