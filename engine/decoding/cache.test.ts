import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { llamaReference } from '../../test/reference/load.ts'
import { readAdapter } from '../adapters/peft.ts'
import { openModel } from '../models/open.ts'
import { openCheckpoint } from '../weights/checkpoint.ts'
import { frozen } from '../weights/frozen.ts'
import { KeyValueCache, pastName } from './cache.ts'
import { Decoder } from './decoder.ts'

const { directory } = llamaReference('llama')
const model = openModel(directory)
const { layers, kvHeads, headDim: d } = model

/** What stands in the cache: of the keys (2·layer) or values (2·layer + 1), one head's row at a position. */
const rowOf = (cache: KeyValueCache, part: number, head: number, at: number) => {
  const { data, shape } = cache.feeds()[pastName(part)]!
  const from = (head * shape[2]! + at) * d
  return [...(data as Float32Array).subarray(from, from + d)]
}

/** New rows (kvHeads, count, d) of every layer, each value telling its part, head, position and column. */
const numberAt = (part: number, head: number, at: number, column: number) =>
  ((part * kvHeads + head) * 1000 + at) * d + column
const newRows = (from: number, count: number) =>
  Array.from({ length: 2 * layers }, (_, part) =>
    Float32Array.from({ length: kvHeads * count * d }, (_, i) =>
      numberAt(part, Math.floor(i / (count * d)), from + (Math.floor(i / d) % count), i % d),
    ),
  )

test('rows stay where they are while the cache grows by chunks of 64', () => {
  const cache = new KeyValueCache(model)
  const capacities: number[] = []
  for (const [from, count] of [
    [0, 60],
    [60, 4],
    [64, 1],
    [65, 135],
  ] as const) {
    cache.append(newRows(from, count), count)
    capacities.push(cache.capacity)
  }
  expect(capacities).toEqual([64, 64, 128, 256])
  expect(cache.length).toBe(200)
  expect(cache.feeds()[pastName(0)]!.shape).toEqual([1, kvHeads, 256, d])
  for (let part = 0; part < 2 * layers; part++)
    for (let head = 0; head < kvHeads; head++)
      for (const at of [0, 59, 60, 63, 64, 65, 199])
        expect(rowOf(cache, part, head, at)).toEqual(
          Array.from({ length: d }, (_, column) => numberAt(part, head, at, column)),
        )
})

test('a prefix stands first, its rows apart by head', () => {
  const tokens = 70
  const rows = (kind: number) =>
    Array.from({ length: layers }, (_, layer) =>
      Float32Array.from({ length: tokens * kvHeads * d }, (_, i) =>
        numberAt(2 * layer + kind, Math.floor(i / d) % kvHeads, Math.floor(i / (kvHeads * d)), i % d),
      ),
    )
  const cache = new KeyValueCache(model, { tokens, keys: rows(0), values: rows(1) })
  expect([cache.length, cache.capacity]).toEqual([70, 128])
  for (let part = 0; part < 2 * layers; part++)
    for (let head = 0; head < kvHeads; head++)
      for (const at of [0, 63, 64, 69])
        expect(rowOf(cache, part, head, at)).toEqual(
          Array.from({ length: d }, (_, column) => numberAt(part, head, at, column)),
        )
})

describe('reading', () => {
  let decoder: Decoder
  beforeAll(async () => {
    decoder = await Decoder.open(model, { weight: frozen(openCheckpoint(directory)) })
  })
  afterAll(() => decoder[Symbol.asyncDispose]())

  const tokens = Array.from({ length: 100 }, (_, i) => (i * 37 + 11) % model.vocabulary)

  test.each([
    ['without a prefix', undefined],
    ['with a prefix', readAdapter(model, join(directory, 'prefix')).prefix],
  ])('token by token gives what reading at once gives, %s', async (_, prefix) => {
    const [atOnce, byToken, inPieces] = [1, 2, 3].map(() => new KeyValueCache(model, prefix))
    const wanted = await decoder.read(tokens, atOnce!)
    let logits = new Float32Array()
    for (const token of tokens) logits = (await decoder.read([token], byToken!)) as typeof logits
    await decoder.read(tokens.slice(0, 50), inPieces!)
    const pieces = await decoder.read(tokens.slice(50), inPieces!)

    expect(wanted.length).toBe(model.vocabulary)
    for (const [i, value] of wanted.entries()) {
      expect(Math.abs(logits[i]! - value)).toBeLessThan(1e-5)
      expect(Math.abs(pieces[i]! - value)).toBeLessThan(1e-5)
    }
    expect(byToken!.length).toBe((prefix?.tokens ?? 0) + tokens.length)
  })

  test('the logits behind every token are those of reading one by one', async () => {
    const scored: Float32Array[] = []
    const read = tokens.slice(0, 40)
    const last = await decoder.read(read, new KeyValueCache(model), new Map(), (row) => scored.push(row))
    expect(scored.length).toBe(read.length)
    expect(last).toBe(scored.at(-1))
    const byToken = new KeyValueCache(model)
    for (const [t, token] of read.entries())
      for (const [i, value] of (await decoder.read([token], byToken)).entries())
        expect(Math.abs(scored[t]![i]! - value)).toBeLessThan(1e-5)
  })

  test('a prefix changes what comes next', async () => {
    const prefix = readAdapter(model, join(directory, 'prefix')).prefix
    const bare = await decoder.read(tokens, new KeyValueCache(model))
    const prefixed = await decoder.read(tokens, new KeyValueCache(model, prefix))
    expect(Math.hypot(...bare.map((x, i) => x - prefixed[i]!))).toBeGreaterThan(0.1)
  })
})
