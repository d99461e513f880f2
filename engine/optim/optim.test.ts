import { beforeEach, describe, expect, test } from 'vitest'
import { Random } from '../random.ts'
import { noWebgpu } from '../runtime/webgpu.case.ts'
import { AdamW } from './adamw.ts'
import { clipGradients } from './clip.ts'
import { GraphAdamW } from './graph-adamw.ts'
import type { Optimizer, OptimizerSetup } from './optimizer.ts'
import { learningRateAt } from './schedule.ts'

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 }

test('the first AdamW step moves a weight by the learning rate against its gradient, after decay', async () => {
  const w = { shape: [1, 2], data: Float32Array.of(1, -2) }
  const adamw = new AdamW({ parameters: new Map([['w', w]]), optimizer, maxGradNorm: 0 })
  await adamw.add(new Map([['w', { shape: [1, 2], data: Float32Array.of(3, -4) }]]))
  expect(await adamw.step(0.01)).toBe(5)
  expect(w.data[0]).toBeCloseTo(1 * (1 - 0.001) - 0.01, 6)
  expect(w.data[1]).toBeCloseTo(-2 * (1 - 0.001) + 0.01, 6)
})

test('biases and norms are not decayed', async () => {
  const bias = { shape: [1], data: Float32Array.of(5) }
  const adamw = new AdamW({ parameters: new Map([['b', bias]]), optimizer, maxGradNorm: 0 })
  await adamw.add(new Map([['b', { shape: [1], data: Float32Array.of(0) }]]))
  await adamw.step(1)
  expect(bias.data[0]).toBe(5)
})

describe.each(['cpu', 'webgpu'] as const)('AdamW as a graph on %s', (device) => {
  beforeEach(({ skip }) => skip(device === 'webgpu' && noWebgpu !== undefined, noWebgpu))

  const maxGradNorm = 12.4 // between the norms of two batches of 77 normal values: √154 on average

  /** Nine steps of two batches each, gone on with from the arrays after `stop`; the norms, and all values after. */
  async function run(open: (setup: OptimizerSetup) => Promise<Optimizer> | Optimizer, stop: number) {
    const random = new Random(1)
    const some = (...shape: number[]) => ({
      shape,
      data: random.normal(
        shape.reduce((a, b) => a * b),
        1,
      ),
    })
    const parameters = new Map([
      ['bias', some(5)],
      ['a', some(4, 6)],
      ['b', some(3, 2, 8)],
    ])
    let adamw = await open({ parameters, optimizer, maxGradNorm, device })
    const norms: number[] = []
    for (let step = 0; step < 9; step++) {
      if (step === stop) {
        await adamw.sync()
        const { moments, steps } = adamw
        await adamw[Symbol.asyncDispose]()
        adamw = await open({ parameters, optimizer, maxGradNorm, device })
        adamw.steps = steps
        for (const [name, { m, v }] of adamw.moments) {
          m.set(moments.get(name)!.m)
          v.set(moments.get(name)!.v)
        }
      }
      adamw.zero()
      for (let batch = 0; batch < 2; batch++)
        await adamw.add(new Map([...parameters].map(([name, { shape }]) => [name, some(...shape)])))
      norms.push(await adamw.step(0.05))
    }
    await adamw.sync()
    const values = [...parameters].flatMap(([name, { data }]) => {
      const { m, v } = adamw.moments.get(name)!
      return [...data, ...m, ...v]
    })
    await adamw[Symbol.asyncDispose]()
    return { norms, values }
  }

  test('takes the steps that it takes on arrays', async () => {
    const arrays = await run((setup) => new AdamW(setup), 9)
    const graph = await run((setup) => GraphAdamW.open(setup), 9)
    expect(Math.min(...arrays.norms)).toBeLessThan(maxGradNorm)
    expect(Math.max(...arrays.norms)).toBeGreaterThan(maxGradNorm)
    for (const kind of ['norms', 'values'] as const)
      for (const [i, wanted] of arrays[kind].entries()) expect(graph[kind][i]).toBeCloseTo(wanted, 4)
  })

  test('goes on from what it read back as if it had never stopped', async () => {
    const open = (setup: OptimizerSetup) => GraphAdamW.open(setup)
    expect(await run(open, 4)).toEqual(await run(open, 9))
  })
})

test('clipping keeps the direction and returns the norm before', () => {
  const g = Float32Array.of(3, 4)
  expect(clipGradients(new Map([['g', g]]), 1)).toBe(5)
  expect(g[0]).toBeCloseTo(0.6, 6)
  expect(g[1]).toBeCloseTo(0.8, 6)
  expect(clipGradients(new Map([['g', g]]), 0)).toBeCloseTo(1, 5)
})

test('schedules warm up in a line and end where they should', () => {
  const at = (type: 'linear' | 'cosine' | 'constant', step: number) =>
    learningRateAt({ type, learningRate: 1, warmupSteps: 10, steps: 110 }, step)
  expect([at('linear', 0), at('linear', 5), at('linear', 10), at('linear', 60)]).toEqual([0, 0.5, 1, 0.5])
  expect(at('linear', 110)).toBe(0)
  expect(at('cosine', 60)).toBeCloseTo(0.5, 12)
  expect(at('cosine', 110)).toBeCloseTo(0, 12)
  expect([at('constant', 5), at('constant', 110)]).toEqual([0.5, 1])
})
