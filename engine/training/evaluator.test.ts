import { afterAll, expect, test } from 'vitest'
import { bare } from '../adapters/adapter.ts'
import { openDecoder } from '../decoding/open.ts'
import { openModel } from '../models/open.ts'
import { temporary, writeBase } from '../tiny.case.ts'
import { openCheckpoint } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import { Evaluator } from './evaluator.ts'

const { root, remove } = temporary()
afterAll(remove)
writeBase(root)
const model = openModel(root)

/** What the base finds most probable after each token. */
async function continuations(tokens: readonly number[]): Promise<number[]> {
  await using decoder = await openDecoder(model, root)
  const sequence = decoder.start()
  const found: number[] = []
  for (const token of tokens) {
    const logits = await decoder.read(sequence, [token])
    found.push(logits.indexOf(Math.max(...logits)))
  }
  return found
}

test('accuracy counts the targets that the model would have said, whatever their batch', async () => {
  const said = await continuations([5])
  const [right, wrong] = [said[0]!, said[0]! + 1]
  const samples = [right, wrong, right, right].map((token) => ({ tokens: [5, token], targets: [1] }))
  const [after] = (await continuations([5, right])).slice(1)
  const longer = { tokens: [5, right, after!, 7], targets: [1, 2] }
  await using evaluator = await Evaluator.open(model, { weight: frozen(openCheckpoint(root)) }, bare)
  const measure = async (...batches: (typeof samples)[]) =>
    (await evaluator.measure(batches, longer.tokens.length, new Map())).accuracy
  expect(await measure(samples)).toBe(3 / 4)
  expect(await measure(samples.slice(0, 1), samples.slice(1))).toBe(3 / 4)
  expect(await measure([longer])).toBe(1)
  expect(await measure(samples.slice(1, 2))).toBe(0)
  expect(await measure([...samples, longer])).toBe(5 / 6)
})
