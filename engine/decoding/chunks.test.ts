import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openModel } from '../models/open.ts'
import { type Chunk, Chunks, newSequence, type Sequence } from './chunks.ts'
import { chunkRows, stripOf } from './graph.ts'

// Its values lie in two strips.
const directory = join(import.meta.dirname, '../../models/preamble-tiny')
const model = openModel(directory)
const { layers, kvHeads, headDim: d } = model

/** A number that tells its text, part, row, head and column. */
const numberAt = (text: number, part: number, row: number, head: number, column: number) =>
  (((text * 2 * layers + part) * 200 + row) * kvHeads + head) * d + column

const rowsOf = (text: number, part: number, first: number, count: number) =>
  Float32Array.from({ length: count * kvHeads * d }, (_, i) => {
    const [t, h] = [Math.floor(i / (kvHeads * d)), Math.floor(i / d) % kvHeads]
    return numberAt(text, part, first + t, h, i % d)
  })

const append = (chunks: Chunks, sequence: Sequence, text: number, count: number) => {
  const first = sequence.length
  const parts = Array.from({ length: 2 * layers }, (_, part) => [...rowsOf(text, part, first, count)])
  chunks.append(sequence, { data: Float32Array.from(parts.flat()), stride: count, first: 0, count })
}

/** What lies where the graph finds a chunk, checked number by number. */
function expectRows(chunks: Chunks, sequence: Sequence, text: number) {
  for (const [i, chunk] of sequence.chunks.entries()) {
    const { place } = chunk
    if (place.in === 'reserve') throw new Error('a chunk in use is in no reserve')
    const found = chunks.seenBy([sequence])[place.in]
    const at = found.chunks.indexOf(chunk)
    expect(at).toBeGreaterThanOrEqual(0)
    for (const [part, data] of found.parts.entries())
      for (const t of [0, chunk.length - 1])
        for (let h = 0; h < kvHeads; h++)
          for (const j of [0, 1, d / 2, d - 1]) {
            const strip = part % 2 === 0 ? 1 : stripOf(model)
            const inPool = (j - (j % strip)) * chunkRows + t * strip + (j % strip)
            const index =
              place.in === 'pool'
                ? (at * kvHeads + h) * chunkRows * d + inPool
                : ((at * chunkRows + t) * kvHeads + h) * d + j
            expect(data[index]).toBe(numberAt(text, part, i * chunkRows + t, h, j))
          }
  }
}

test('rows lie in chunks of 32, wherever they are moved when others come, write and leave', () => {
  const chunks = new Chunks(model)
  const [a, b, c] = [newSequence(), newSequence(), newSequence()]
  append(chunks, a, 1, 60)
  append(chunks, a, 1, 5)
  chunks.write(a)
  append(chunks, b, 2, 130)
  append(chunks, a, 1, 70) // a takes one more chunk, before those of b
  expect(a.chunks.map(({ length }) => length)).toEqual([32, 32, 32, 32, 7])
  chunks.write(b)
  append(chunks, c, 3, 64)
  for (const [text, sequence] of [a, b, c].entries()) expectRows(chunks, sequence, text + 1)
  chunks.leave(a)
  append(chunks, c, 3, 1)
  for (const [text, sequence] of [b, c].entries()) expectRows(chunks, sequence, text + 2)
  expect(chunks.count).toBe(5 + 3)
  chunks.leave(b)
  chunks.leave(c)
  expect(chunks.count).toBe(0)
})

test('a prefix lies once for all who use it, and where its only user needs it', () => {
  const chunks = new Chunks(model)
  const rows = (kind: number) => Array.from({ length: layers }, (_, l) => rowsOf(4, 2 * l + kind, 0, 70))
  const prefix = chunks.fromPrefix({ tokens: 70, keys: rows(0), values: rows(1) })
  const all = (place: Chunk['place']['in']) => [place, place, place]
  const places = () => prefix.map(({ place }: Chunk) => place.in)
  expect(places()).toEqual(all('reserve'))
  const users = [newSequence(), newSequence(), newSequence()]
  for (const [i, user] of users.entries()) {
    for (const chunk of prefix) chunks.join(user, chunk)
    expect(places()).toEqual(all(i === 0 ? 'pool' : 'rows'))
    expect([user.length, chunks.count]).toEqual([70, 3])
    expectRows(chunks, user, 4)
  }
  chunks.leave(users[0]!)
  chunks.leave(users[1]!)
  expect(places()).toEqual(all('pool'))
  expectRows(chunks, users[2]!, 4)
  chunks.leave(users[2]!)
  expect(places()).toEqual(all('reserve'))
  for (const chunk of prefix) chunks.forget(chunk)
  expect(chunks.count).toBe(0)
})
