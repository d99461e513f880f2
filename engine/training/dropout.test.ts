import { expect, test } from 'vitest'
import { backward } from '../grad/backward.ts'
import { input, reshape, sum } from '../graph/build.ts'
import { Session } from '../runtime/session.ts'
import { SeededDropout } from './dropout.ts'

const [rows, width] = [64, 48]
const ones = { data: new Float32Array(rows * width).fill(1), shape: [rows, width] }

/** What two places of a graph make of ones in two batches, and the gradient in the first place's input. */
async function dropped(rate: number, seed: number) {
  const dropout = new SeededDropout(rate, seed)
  const x = input('x', ['N', width])
  const [here, there] = [dropout.drop(x, width), dropout.drop(input('y', ['N', width]), width)]
  const [gradient] = backward(reshape(sum(here), []), [x])
  await using session = await Session.open({ here, there, gradient: gradient! })
  const run = async () => {
    const out = await session.run({ x: ones, y: ones, ...dropout.feeds({ N: rows }) })
    return Object.values(out).map(({ data }) => Array.from(data, Number))
  }
  return [await run(), await run()] as const
}

test('elements are zero or scaled up, about as many as asked, and others at each place and batch', async () => {
  const [[here, there, gradient], [later]] = await dropped(0.25, 1)
  expect(new Set(here)).toEqual(new Set([0, Math.fround(1 / 0.75)]))
  const zeros = here!.filter((x) => x === 0).length / here!.length
  expect(Math.abs(zeros - 0.25)).toBeLessThan(0.04) // 5 standard deviations of 3,072 draws
  const agreement = (a: number[]) => a.filter((x, i) => x === here![i]).length / a.length
  for (const other of [there!, later!]) expect(Math.abs(agreement(other) - 0.625)).toBeLessThan(0.06) // 0.75² + 0.25²
  expect(gradient).toEqual(here)
})

test('rows and columns are dropped independently of one another', async () => {
  const [[here]] = await dropped(0.5, 2)
  const zero = (i: number, j: number) => here![i * width + j] === 0
  let equal = 0
  for (let i = 1; i < rows; i++)
    for (let j = 1; j < width; j++) equal += Number(zero(i, j) === zero(i - 1, j - 1))
  expect(Math.abs(equal / ((rows - 1) * (width - 1)) - 0.5)).toBeLessThan(0.05)
})

test('the same seed drops the same elements, another seed others', async () => {
  const one = await dropped(0.5, 3)
  expect(await dropped(0.5, 3)).toEqual(one)
  expect(await dropped(0.5, 4)).not.toEqual(one)
})
