import { beforeEach, expect, test } from 'vitest'
import {
  add,
  argMax,
  attend,
  constant,
  crossEntropy,
  crossEntropyGrad,
  gather,
  input,
  matmul,
  scatterAdd,
} from '../graph/build.ts'
import { sizeOf } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import { Random } from '../random.ts'
import { Session, type Value } from '../runtime/session.ts'
import { noWebgpu } from '../runtime/webgpu.case.ts'

beforeEach(({ skip }) => skip(noWebgpu !== undefined, noWebgpu))

const index = (...values: number[]) => constant(BigInt64Array.from(values, BigInt), [values.length])
const x = (...shape: number[]) => input(`x${shape}`, shape)

/** One or more for each op that WebGPU has a rule of its own for. */
const cases: Record<string, Node> = {
  'matmul, of weights': matmul(x(3, 4), x(5, 4), { transB: true, alpha: 0.5 }),
  'matmul, Aᵀ': matmul(x(4, 3), x(4, 5), { transA: true }),
  'matmul, batched': matmul(x(2, 2, 3, 4), x(2, 2, 5, 4), { transB: true, alpha: 2 }),
  'matmul, batched, Aᵀ Bᵀ': matmul(x(2, 4, 3), x(2, 5, 4), { transA: true, transB: true }),
  'matmul, one side broadcast': matmul(x(2, 3, 4), x(1, 4, 5)),
  attend: attend(x(2, 3, 4), x(2, 4, 2)),
  'add, of indices': gather(x(8, 3), add(index(0, 5, 1), index(2, 2, 2))),
  gather: gather(x(4, 3), index(2, 0, 2)),
  'scatterAdd, with repeated rows': scatterAdd(x(5, 3), index(1, 3, 1, 0, 1), 4),
  'scatterAdd, of distinct rows': scatterAdd(x(3, 4), index(3, 0, 2), 6, { distinct: true }),
  crossEntropy: crossEntropy(x(3, 5), index(4, 0, 2)),
  argMax: argMax(x(3, 5)),
  crossEntropyGrad: crossEntropyGrad(x(3, 5), index(4, 0, 2)),
}

const some = (random: Random, shape: number[]): Value => ({
  data: random.normal(sizeOf(shape) as number, 1),
  shape,
})

test.each(Object.entries(cases))('%s is what it is on the CPU', async (_, y) => {
  const random = new Random(1)
  const feeds: Record<string, Value> = Object.fromEntries(
    y.inputs.flatMap((node) =>
      node.op === 'input' ? [[node.attrs.name, some(random, node.shape as number[])]] : [],
    ),
  )
  const on = async (device: 'cpu' | 'webgpu') => {
    await using session = await Session.open({ y }, { device })
    return (await session.run(feeds)).y
  }
  const [cpu, webgpu] = [await on('cpu'), await on('webgpu')]
  expect(webgpu.shape).toEqual(cpu.shape)
  for (const [i, wanted] of cpu.data.entries()) expect(Number(webgpu.data[i])).toBeCloseTo(Number(wanted), 5)
})
