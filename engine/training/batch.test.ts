import { describe, expect, test } from 'vitest'
import { collate, endlessBatches, inBatches } from './batch.ts'

describe('a batch', () => {
  const samples = [
    { tokens: [11, 12, 13], targets: [1, 2] },
    { tokens: [21, 22, 23, 24, 25], targets: [4] },
  ]
  const { feeds, labelled, tokens } = collate(samples, { virtualTokens: 7, firstPosition: 7 })
  const numbers = (name: string) => Array.from(feeds[name]!.data as BigInt64Array, Number)

  test('is padded on the right to its longest sample where no longer one is known', () => {
    expect(feeds.tokens!.shape).toEqual([2, 5])
    expect(numbers('tokens')).toEqual([11, 12, 13, 0, 0, 21, 22, 23, 24, 25])
  })

  test('counts positions from 0 where a prefix takes none', () => {
    const fromZero = collate(samples, { virtualTokens: 7, firstPosition: 0 }).feeds
    expect(Array.from(fromZero.positions!.data.subarray(0, 5), Number)).toEqual([0, 1, 2, 3, 4])
    expect(fromZero.mask!.shape).toEqual([1, 1, 5, 12])
  })

  test('counts positions from behind the prefix', () => {
    expect(feeds.positions!.shape).toEqual([2, 5])
    expect(numbers('positions')).toEqual([7, 8, 9, 10, 11, 7, 8, 9, 10, 11])
    expect(feeds.mask!.shape).toEqual([1, 1, 5, 12])
  })

  test('a target is predicted by the row of the token before it', () => {
    expect(numbers('rows').slice(0, 3)).toEqual([0, 1, 5 + 3])
    expect(numbers('labels').slice(0, 3)).toEqual([12, 13, 25])
  })

  test('gathers as many rows as one of few sizes has; those without a target are other rows, of weight 0', () => {
    expect(numbers('rows').slice(3)).toEqual([2, 3, 4, 5, 6])
    expect(numbers('weights')).toEqual([1, 1, 1, 0, 0, 0, 0, 0])
    for (const name of ['rows', 'labels', 'weights']) expect(feeds[name]!.shape).toEqual([8])
  })

  test('where longer samples are known, is padded to one of few lengths, up to theirs', () => {
    const lengths = [20, 8, 7, 5].map((longest) => {
      const { feeds } = collate(samples, { virtualTokens: 7, firstPosition: 7 }, { longest })
      expect(feeds.mask!.shape).toEqual([1, 1, feeds.tokens!.shape[1], 7 + feeds.tokens!.shape[1]!])
      return feeds.tokens!.shape[1]
    })
    expect(lengths).toEqual([8, 8, 7, 5])
  })

  test('of tokens alone has rows for these, a number of them that is one of few sizes, and counts targets in them', () => {
    const layout = { longest: 20, compact: true }
    const { feeds } = collate(samples, { virtualTokens: 7, firstPosition: 7 }, layout)
    const numbersOf = (name: string) => Array.from(feeds[name]!.data as BigInt64Array, Number)
    expect(feeds.tokens!.shape).toEqual([2, 8])
    expect(numbersOf('present')).toEqual([0, 1, 2, 8, 9, 10, 11, 12])
    expect(numbersOf('rows')).toEqual([0, 1, 3 + 3, 2, 3, 4, 5, 7])
    expect(numbersOf('labels').slice(0, 3)).toEqual([12, 13, 25])
  })

  test('counts targets, and tokens without padding', () =>
    expect({ labelled, tokens }).toEqual({ labelled: 3, tokens: 8 }))
})

test('batches follow one another, and the last may be smaller', () => {
  expect(inBatches([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]])
  expect(inBatches([], 2)).toEqual([])
})

describe('endless batches', () => {
  const lengthOf = (id: number) => 1 + ((id * 7) % 23)
  const samples = [...Array(23).keys()]
  /** The ids in the batches of `epochs` epochs. */
  const ids = (group_by_length: boolean, seed: number, epochs = 1) => {
    const batches = endlessBatches(samples.map(lengthOf), {
      per_device_train_batch_size: 4,
      group_by_length,
      seed,
    })
    return Array.from({ length: 6 * epochs }, () => batches.next().value)
  }
  const ascending = (a: number, b: number) => a - b

  for (const grouped of [false, true]) {
    const kind = grouped ? 'grouped by length' : 'in random order'

    test(`each epoch sees every sample once, ${kind}`, () => {
      const epochs = inBatches(ids(grouped, 1, 3), 6).map((batches) => batches.flat())
      for (const epoch of epochs) expect(epoch.toSorted(ascending)).toEqual(samples)
      expect(epochs[1]).not.toEqual(epochs[0])
    })

    test(`the same seed gives the same order, another seed another, ${kind}`, () => {
      expect(ids(grouped, 1, 2)).toEqual(ids(grouped, 1, 2))
      expect(ids(grouped, 2)).not.toEqual(ids(grouped, 1))
    })
  }

  test('grouped by length, a batch holds neighbours, and batches come in random order', () => {
    const lengths = ids(true, 1).map((batch) => batch.map(lengthOf).toSorted(ascending))
    const byLength = lengths.toSorted((a, b) => a[0]! - b[0]!)
    expect(byLength.flat()).toEqual(samples.map(lengthOf).toSorted(ascending))
    expect(lengths).not.toEqual(byLength)
    expect(lengths).not.toEqual(byLength.toReversed())
  })
})
