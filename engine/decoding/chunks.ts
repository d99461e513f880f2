/** The memory of keys and values: chunks of rows, and where each one lies. */
import type { Prefix } from '../adapters/prefix-files.ts'
import type { Model } from '../models/model.ts'
import { chunkRows, stripOf } from './graph.ts'
import { Shelf, type Stretch } from './shelf.ts'

/** Up to 32 rows of all layers, that one after the other belong to a text. */
export type Chunk = {
  length: number
  /** No row is added any more. */
  sealed: boolean
  /** Those that read it. A chunk of nobody is forgotten, unless it is to be kept. */
  readonly users: Set<Sequence>
  keep: boolean
  place: /** Among the chunks of the graph, each of which meets the queries of its one user. */
    | { in: 'pool'; index: number }
    /** Among the rows of the graph that meet all queries: it has several users, or its one user has just read it. */
    | { in: 'rows'; index: number }
    /** It has none, and is a copy of what lay in the pool, part by part. */
    | { in: 'reserve'; image: Image }
}

type Image = Float32Array

/** The cached rows of one text. */
export type Sequence = {
  readonly chunks: Chunk[]
  /** Rows of all chunks, those of a prefix included. */
  length: number
  /** Whether it takes part in the steps of those that write, or still reads its prompt. */
  writes: boolean
  /** Rows before the first that has a position. */
  unplaced: number
}

export const newSequence = (): Sequence => ({ chunks: [], length: 0, writes: false, unplaced: 0 })

/** The position of its next token. */
export const positionOf = ({ length, unplaced }: Sequence): number => length - unplaced

/** New rows as the graph gives them: of each part (layer 0's keys, its values, …) `stride` rows, ours from `first` on. */
export type NewRows = { data: Float32Array; stride: number; first: number; count: number }

export class Chunks {
  readonly #model: Model
  readonly #parts: number
  /** Numbers of a row, and of a chunk, in one part. */
  readonly #width: number
  readonly #size: number
  readonly #shelves: {
    /** Those of sequences that write in front: keys (n, kvHeads, d, 32), values (n, kvHeads, d / strip, 32, strip). */
    pool: Shelf
    /** Those of several in front, row by row: (n · 32, kvHeads, d). */
    rows: Shelf
  }
  #reserved = 0

  constructor(model: Model) {
    this.#model = model
    this.#parts = 2 * model.layers
    this.#width = model.kvHeads * model.headDim
    this.#size = chunkRows * this.#width
    const shelf = () => new Shelf(this.#parts, this.#size)
    this.#shelves = { pool: shelf(), rows: shelf() }
  }

  /** Chunks there are, wherever they lie. */
  get count(): number {
    return this.#shelves.pool.count + this.#shelves.rows.count + this.#reserved
  }

  /** Bytes of one. */
  get bytes(): number {
    return 4 * this.#parts * this.#size
  }

  /** The chunks that the graph is fed for a step of sequences that all write, or all read. */
  seenBy(batch: readonly Sequence[]): Record<'pool' | 'rows', Stretch> {
    const shares = batch.some(({ chunks }) => chunks.some(({ users }) => users.size > 1))
    const { writes } = batch[0]!
    return {
      pool: this.#shelves.pool.stretch({ front: writes, behind: !writes }),
      rows: this.#shelves.rows.stretch({ front: shares, behind: !writes }),
    }
  }

  /** Chunks that `count` more rows of a sequence would begin. */
  wanted(sequence: Sequence, count: number): number {
    const last = sequence.chunks.at(-1)
    const left = last && !last.sealed ? chunkRows - last.length : 0
    return Math.ceil(Math.max(0, count - left) / chunkRows)
  }

  append(sequence: Sequence, { data, stride, first, count }: NewRows): void {
    for (let done = 0; done < count; ) {
      const last = sequence.chunks.at(-1)
      const chunk = last && !last.sealed ? last : this.#begin(sequence)
      const some = Math.min(count - done, chunkRows - chunk.length)
      for (let part = 0; part < this.#parts; part++) {
        const from = (part * stride + first + done) * this.#width
        this.#write(chunk, part, data.subarray(from, from + some * this.#width))
      }
      chunk.length += some
      chunk.sealed = chunk.length === chunkRows
      sequence.length += some
      done += some
    }
  }

  /** A prefix as sealed chunks that nobody uses yet. */
  fromPrefix({ tokens, keys, values }: Prefix): Chunk[] {
    return Array.from({ length: Math.ceil(tokens / chunkRows) }, (_, i) => {
      const length = Math.min(chunkRows, tokens - i * chunkRows)
      const image = new Float32Array(this.#parts * this.#size)
      for (let part = 0; part < this.#parts; part++) {
        const rows = (part % 2 === 0 ? keys : values)[part >> 1]!
        const from = i * this.#size
        this.#lay(rows.subarray(from, from + length * this.#width), part, image, part * this.#size, 0)
      }
      this.#reserved += 1
      return { length, sealed: true, users: new Set(), keep: true, place: { in: 'reserve', image } }
    })
  }

  /** A sequence goes on behind a sealed chunk. */
  join(sequence: Sequence, chunk: Chunk): void {
    const image = this.#take(chunk)
    sequence.chunks.push(chunk)
    sequence.length += chunk.length
    chunk.users.add(sequence)
    this.#put(chunk, image)
  }

  leave(sequence: Sequence): void {
    for (const chunk of sequence.chunks.splice(0)) {
      const stays = chunk.keep || chunk.users.size > 1
      const image = this.#take(chunk, stays)
      chunk.users.delete(sequence)
      if (stays) this.#put(chunk, image)
    }
    sequence.length = 0
    sequence.writes = false
  }

  /** Forgets a kept chunk as soon as nobody uses it. */
  forget(chunk: Chunk): void {
    chunk.keep = false
    if (chunk.users.size === 0) this.#take(chunk, false)
  }

  /** A sequence has read its prompt: from now on it writes. */
  write(sequence: Sequence): void {
    const own = sequence.chunks.filter(({ users }) => users.size === 1)
    const images = own.map((chunk) => this.#take(chunk))
    sequence.writes = true
    for (const [i, chunk] of own.entries()) this.#put(chunk, images[i]!)
  }

  #begin(sequence: Sequence): Chunk {
    const chunk: Chunk = {
      ...{ length: 0, sealed: false, users: new Set([sequence]), keep: false },
      place: { in: sequence.writes ? 'pool' : 'rows', index: 0 },
    }
    const room = this.#settle(chunk, sequence.writes)
    // Rows that are not in use are masked, but must be numbers.
    for (let part = 0; part < this.#parts; part++) room(part).fill(0)
    sequence.chunks.push(chunk)
    return chunk
  }

  /** Makes room for a chunk in the place that it names, and answers with a part of it there. */
  #settle(chunk: Chunk, inFront: boolean): (part: number) => Float32Array {
    const { place } = chunk
    if (place.in === 'reserve') throw new Error('a chunk in reserve lies by itself')
    const shelf = this.#shelves[place.in]
    const index = shelf.open(chunk, inFront)
    place.index = index
    return (part) => shelf.at(index, part)
  }

  /** Takes a chunk from where it lies; a copy of it, unless it is not wanted. */
  #take({ place }: Chunk, wanted = true): Image {
    if (place.in === 'reserve') {
      this.#reserved -= 1
      return place.image
    }
    const image = new Float32Array(wanted ? this.#parts * this.#size : 0)
    const shelf = this.#shelves[place.in]
    for (let part = 0; wanted && part < this.#parts; part++) {
      const there = shelf.at(place.index, part)
      if (place.in === 'pool') image.set(there, part * this.#size)
      else this.#lay(there, part, image, part * this.#size, 0)
    }
    shelf.close(place.index)
    return image
  }

  /** Puts a chunk to where its users find it. */
  #put(chunk: Chunk, image: Image): void {
    const [user, ...others] = chunk.users
    if (!user) {
      chunk.place = { in: 'reserve', image }
      this.#reserved += 1
      return
    }
    const shared = others.length > 0
    chunk.place = { in: shared ? 'rows' : 'pool', index: 0 }
    const room = this.#settle(chunk, shared || user.writes)
    for (let part = 0; part < this.#parts; part++)
      if (chunk.place.in === 'rows') this.#pick(image, part, room(part))
      else room(part).set(image.subarray(part * this.#size, (part + 1) * this.#size))
  }

  /** Writes rows behind those that a chunk of one user has. */
  #write({ place, length }: Chunk, part: number, rows: Float32Array): void {
    if (place.in === 'reserve') throw new Error('rows are added to a chunk in use')
    const there = this.#shelves[place.in].at(place.index, part)
    if (place.in === 'pool') this.#lay(rows, part, there, 0, length)
    else there.set(rows, length * this.#width)
  }

  /** Lays rows (count, kvHeads, d) out as the pool has them, in the chunk that begins at `start`, from row `first` on. */
  #lay(rows: Float32Array, part: number, to: Float32Array, start: number, first: number): void {
    const { kvHeads, headDim: d } = this.#model
    const strip = this.#strip(part)
    for (let t = first, from = 0; from < rows.length; t++)
      for (let h = 0; h < kvHeads; h++, from += d) {
        const head = start + h * chunkRows * d + t * strip
        for (let j = 0, at = head; j < d; at += chunkRows * strip)
          for (let i = 0; i < strip; i++, j++) to[at + i] = rows[from + j]!
      }
  }

  /** The reverse, of a whole chunk. */
  #pick(image: Image, part: number, rows: Float32Array): void {
    const { kvHeads, headDim: d } = this.#model
    const strip = this.#strip(part)
    for (let t = 0, to = 0; t < chunkRows; t++)
      for (let h = 0; h < kvHeads; h++) {
        const head = part * this.#size + h * chunkRows * d + t * strip
        for (let j = 0, at = head; j < d; at += chunkRows * strip)
          for (let i = 0; i < strip; i++, j++) rows[to++] = image[at + i]!
      }
  }

  /** Numbers of a row that lie side by side in the pool: of a key one, for it is a column there. */
  #strip(part: number): number {
    return part % 2 === 0 ? 1 : stripOf(this.#model)
  }
}
