import { describe, expect, test } from 'vitest'
import { causalMask } from '../models/step.ts'
import { joined, pack, packedFeeds } from './packing.ts'

/** A sample of so many tokens, all of them its number; its second token is a target. */
const sample = (id: number, length: number) => ({ tokens: Array<number>(length).fill(id), targets: [1] })
const packedOf = (lengths: readonly number[], room: number, seed = 1) =>
  pack(lengths, room, seed).map((row) => joined(row.map((id) => sample(id, lengths[id]!))))

describe('packing', () => {
  test('puts the longest samples first, each in the first row with space for it', () => {
    const rows = packedOf([3, 6, 5, 2, 8, 4], 10)
    const lengths = rows.map(({ tokens, starts }) =>
      starts!.map((start, i) => (starts![i + 1] ?? tokens.length) - start),
    )
    expect(lengths).toEqual([
      [8, 2],
      [6, 4],
      [5, 3],
    ])
  })

  test('keeps every sample whole, with its targets, where its row says that it starts', () => {
    const lengths = Array.from({ length: 2500 }, (_, id) => 2 + ((id * 7) % 23))
    const rows = packedOf(lengths, 64)
    const found = rows.flatMap(({ tokens, targets, starts }) => {
      expect(tokens.length).toBeLessThanOrEqual(64)
      return starts!.map((start, i) => {
        const own = tokens.slice(start, starts![i + 1])
        expect(new Set(own).size).toBe(1)
        expect(own.length).toBe(lengths[own[0]!])
        expect(targets[i]).toBe(start + 1)
        return own[0]!
      })
    })
    expect(found.toSorted((a, b) => a - b)).toEqual(lengths.map((_, id) => id))
    const full = lengths.reduce((n, length) => n + length, 0) / 64
    expect(rows.length / full).toBeLessThan(1.02)
  })

  test('is the same for the same seed, and another for another', () => {
    const lengths = Array.from({ length: 40 }, (_, id) => 2 + (id % 3))
    expect(packedOf(lengths, 16, 1)).toEqual(packedOf(lengths, 16, 1))
    expect(packedOf(lengths, 16, 2)).not.toEqual(packedOf(lengths, 16, 1))
  })
})

describe('packed rows', () => {
  const rows = [
    { tokens: [1, 1, 2, 2], targets: [], starts: [0, 2] },
    { tokens: [3, 3, 3], targets: [], starts: [0] },
  ]
  const feeds = (firstPosition: number) => packedFeeds(rows, 5, { virtualTokens: 2, firstPosition })

  test('have positions that begin again with every sample', () => {
    expect(Array.from(feeds(0).positions.data, Number)).toEqual([0, 1, 0, 1, 2, 0, 1, 2, 3, 4])
    expect(Array.from(feeds(2).positions.data, Number)).toEqual([2, 3, 2, 3, 4, 2, 3, 4, 5, 6])
  })

  test('show a token the prefix, and what came before it in its own sample', () => {
    const { data, shape } = feeds(2).mask
    expect(shape).toEqual([2, 1, 5, 7])
    const seen = Array.from({ length: 5 }, (_, t) =>
      Array.from(data.subarray(t * 7, t * 7 + 7) as Float32Array, (m) => (m === 0 ? 1 : 0)).join(''),
    )
    expect(seen).toEqual(['1110000', '1111000', '1100100', '1100110', '1100111'])
    expect(data.subarray(5 * 7)).toEqual(causalMask(5, 2).data)
  })
})
