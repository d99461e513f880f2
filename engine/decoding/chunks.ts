/** The memory of keys and values: chunks of rows, and where each one lies. */
import type { Prefix } from '../adapters/prefix-files.ts'
import type { Model } from '../models/model.ts'
import { chunkRows, stripOf } from './graph.ts'

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
    /** Among the rows of the graph that meet all queries: it has several users. */
    | { in: 'shared'; index: number }
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

/** Room for these is kept, whatever is in use. */
const fewChunks = 16

export class Chunks {
  readonly #model: Model
  readonly #parts: number
  /** Numbers of a row, and of a chunk, in one part. */
  readonly #width: number
  readonly #size: number
  /** Of each part the chunks: keys (n, kvHeads, d, 32), values (n, kvHeads, d / strip, 32, strip). */
  readonly #pool: Float32Array[]
  /** Those of sequences that write come first. */
  readonly #inPool: Chunk[] = []
  #writing = 0
  /** Of each part the shared chunks, row by row: (n · 32, kvHeads, d). */
  readonly #shared: Float32Array[]
  readonly #inShared: Chunk[] = []
  #reserved = 0

  constructor(model: Model) {
    this.#model = model
    this.#parts = 2 * model.layers
    this.#width = model.kvHeads * model.headDim
    this.#size = chunkRows * this.#width
    const empty = () => Array.from({ length: this.#parts }, () => new Float32Array(0))
    this.#pool = empty()
    this.#shared = empty()
  }

  /** Chunks there are, wherever they lie. */
  get count(): number {
    return this.#inPool.length + this.#inShared.length + this.#reserved
  }

  /** Bytes of one. */
  get bytes(): number {
    return 4 * this.#parts * this.#size
  }

  get shared(): { chunks: readonly Chunk[]; parts: readonly Float32Array[] } {
    const end = this.#inShared.length * this.#size
    return { chunks: this.#inShared, parts: this.#shared.map((part) => part.subarray(0, end)) }
  }

  /** The chunks of those that write, or of those that read. */
  pool(writes: boolean): { chunks: readonly Chunk[]; parts: readonly Float32Array[] } {
    const [from, to] = writes ? [0, this.#writing] : [this.#writing, this.#inPool.length]
    return {
      chunks: this.#inPool.slice(from, to),
      parts: this.#pool.map((part) => part.subarray(from * this.#size, to * this.#size)),
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
    const own = sequence.chunks.filter(({ place }) => place.in === 'pool')
    const images = own.map((chunk) => this.#take(chunk))
    sequence.writes = true
    for (const [i, chunk] of own.entries()) this.#put(chunk, images[i]!)
  }

  #begin(sequence: Sequence): Chunk {
    const index = this.#openPool(sequence.writes)
    const chunk: Chunk = {
      ...{ length: 0, sealed: false, users: new Set([sequence]), keep: false },
      place: { in: 'pool', index },
    }
    this.#inPool[index] = chunk
    // Rows that are not in use are masked, but must be numbers.
    for (const part of this.#pool) part.fill(0, index * this.#size, (index + 1) * this.#size)
    sequence.chunks.push(chunk)
    return chunk
  }

  /** Takes a chunk from where it lies; a copy of it, unless it is not wanted. */
  #take({ place }: Chunk, wanted = true): Image {
    if (place.in === 'reserve') {
      this.#reserved -= 1
      return place.image
    }
    const image = new Float32Array(wanted ? this.#parts * this.#size : 0)
    const from = place.index * this.#size
    for (let part = 0; wanted && part < this.#parts; part++) {
      const parts = place.in === 'pool' ? this.#pool : this.#shared
      const own = parts[part]!.subarray(from, from + this.#size)
      if (place.in === 'pool') image.set(own, part * this.#size)
      else this.#lay(own, part, image, part * this.#size, 0)
    }
    if (place.in === 'pool') this.#closePool(place.index)
    else this.#close(this.#inShared, this.#shared, place.index)
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
    if (others.length === 0) {
      const index = this.#openPool(user.writes)
      this.#inPool[index] = chunk
      chunk.place = { in: 'pool', index }
      for (const [p, part] of this.#pool.entries())
        part.set(image.subarray(p * this.#size, (p + 1) * this.#size), index * this.#size)
      return
    }
    const index = this.#inShared.push(chunk) - 1
    this.#fit(this.#shared, index + 1)
    chunk.place = { in: 'shared', index }
    for (const [p, part] of this.#shared.entries())
      this.#pick(image, p, part.subarray(index * this.#size, (index + 1) * this.#size))
  }

  /** Makes room among those that write or those that read; the chunk there is still to be named. */
  #openPool(writes: boolean): number {
    const end = this.#inPool.length
    this.#fit(this.#pool, end + 1)
    if (!writes) return end
    const index = this.#writing++
    if (index < end) this.#move(this.#inPool, this.#pool, index, end)
    return index
  }

  #closePool(index: number): void {
    let hole = index
    if (index < this.#writing) {
      hole = --this.#writing
      if (index < hole) this.#move(this.#inPool, this.#pool, hole, index)
    }
    this.#close(this.#inPool, this.#pool, hole)
  }

  /** Fills a hole with the last chunk. */
  #close(chunks: Chunk[], parts: Float32Array[], hole: number): void {
    const last = chunks.length - 1
    if (hole < last) this.#move(chunks, parts, last, hole)
    chunks.pop()
    this.#fit(parts, chunks.length)
  }

  #move(chunks: Chunk[], parts: readonly Float32Array[], from: number, to: number): void {
    const chunk = chunks[from]!
    for (const part of parts) part.copyWithin(to * this.#size, from * this.#size, (from + 1) * this.#size)
    chunks[to] = chunk
    if (chunk.place.in !== 'reserve') chunk.place.index = to
  }

  /** Has room for so many chunks; when it is far more than that, other bases need the memory. */
  #fit(parts: Float32Array[], chunks: number): void {
    const capacity = parts[0]!.length / this.#size
    if (chunks <= capacity && capacity <= 4 * chunks + fewChunks) return
    const size = Math.ceil(chunks * 1.5) * this.#size
    for (const [i, part] of parts.entries()) {
      parts[i] = new Float32Array(size)
      parts[i]!.set(part.subarray(0, size))
    }
  }

  /** Writes rows behind those that a chunk of the pool has. */
  #write(chunk: Chunk, part: number, rows: Float32Array): void {
    if (chunk.place.in !== 'pool') throw new Error('rows are added to a chunk of one user')
    this.#lay(rows, part, this.#pool[part]!, chunk.place.index * this.#size, chunk.length)
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
