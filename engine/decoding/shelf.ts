import type { Chunk } from './chunks.ts'

/** Chunks, and of each part an array in which they lie one behind the other. */
export type Stretch = { chunks: readonly Chunk[]; parts: readonly Float32Array[] }

/** Room for these is kept, whatever is in use. */
const fewChunks = 16

/** Chunks without a gap between them. Some lie in front, and either kind can be had without the other. */
export class Shelf {
  readonly #size: number
  readonly #parts: Float32Array[]
  readonly #chunks: Chunk[] = []
  #front = 0

  /** @param size numbers of a chunk in one of the `parts` */
  constructor(parts: number, size: number) {
    this.#size = size
    this.#parts = Array.from({ length: parts }, () => new Float32Array(0))
  }

  get count(): number {
    return this.#chunks.length
  }

  stretch({ front, behind }: { front: boolean; behind: boolean }): Stretch {
    const [from, to] = [front ? 0 : this.#front, behind ? this.#chunks.length : this.#front]
    return {
      chunks: this.#chunks.slice(from, to),
      parts: this.#parts.map((part) => part.subarray(from * this.#size, to * this.#size)),
    }
  }

  /** The numbers of a chunk in one part. */
  at(index: number, part: number): Float32Array {
    return this.#parts[part]!.subarray(index * this.#size, (index + 1) * this.#size)
  }

  /** Where a chunk is to lie. What is there is left over from another. */
  open(chunk: Chunk, inFront: boolean): number {
    const end = this.#chunks.length
    this.#fit(end + 1)
    const index = inFront ? this.#front++ : end
    if (index < end) this.#move(index, end)
    this.#chunks[index] = chunk
    return index
  }

  /** Takes a chunk out; the last ones fill its place. */
  close(index: number): void {
    let hole = index
    if (index < this.#front) {
      hole = --this.#front
      if (index < hole) this.#move(hole, index)
    }
    const last = this.#chunks.length - 1
    if (hole < last) this.#move(last, hole)
    this.#chunks.pop()
    this.#fit(last)
  }

  #move(from: number, to: number): void {
    const chunk = this.#chunks[from]!
    for (const part of this.#parts)
      part.copyWithin(to * this.#size, from * this.#size, (from + 1) * this.#size)
    this.#chunks[to] = chunk
    if (chunk.place.in !== 'reserve') chunk.place.index = to
  }

  /** Has room for so many chunks; when it is far more than that, other bases need the memory. */
  #fit(chunks: number): void {
    const capacity = this.#parts[0]!.length / this.#size
    if (chunks <= capacity && capacity <= 4 * chunks + fewChunks) return
    const size = Math.ceil(chunks * 1.5) * this.#size
    for (const [i, part] of this.#parts.entries()) {
      this.#parts[i] = new Float32Array(size)
      this.#parts[i]!.set(part.subarray(0, size))
    }
  }
}
