/** Entries in a file of their own, for as long as they are put in order. */
import { type FileHandle, open } from 'node:fs/promises'
import { ByteBuffer } from './byte-buffer.ts'

/** Some entries: where each begins in `bytes`, until the next batch comes. */
export type Batch = { bytes: Buffer; starts: Uint32Array }

const readBytes = 2 ** 20

export class Spool {
  readonly path: string
  readonly #file: FileHandle
  /** What is filled, and what is being written meanwhile. */
  #page: ByteBuffer
  #other: ByteBuffer
  #writing: Promise<unknown> = Promise.resolve()
  #written = 0
  count = 0

  private constructor(path: string, file: FileHandle, pageBytes: number) {
    this.path = path
    this.#file = file
    this.#page = new ByteBuffer(pageBytes)
    this.#other = new ByteBuffer(0)
  }

  /** @param pageBytes how much it has in memory without growing */
  static async create(path: string, pageBytes: number): Promise<Spool> {
    return new Spool(path, await open(path, 'wx'), pageBytes)
  }

  /** Adds an entry, which is in memory until `flush`. */
  add(bytes: Buffer, from: number, to: number): void {
    this.#page.add(bytes, from, to)
    this.count += 1
  }

  /** Begins to write what is in memory, if it has so many bytes, once what was written before is done. */
  async flush(atLeast = 1): Promise<void> {
    if (this.#page.length < atLeast) return
    await this.#writing
    ;[this.#page, this.#other] = [this.#other, this.#page]
    this.#page.length = 0
    const { bytes, length } = this.#other
    this.#writing = this.#file.write(bytes, 0, length, this.#written)
    this.#writing.catch(() => {}) // heard of by who waits for it
    this.#written += length
  }

  /** All that was added is in the file, and its memory is free. @returns how many bytes that is */
  async end(): Promise<number> {
    await this.flush()
    await this.#writing
    this.#page = this.#other = new ByteBuffer(0)
    return this.#written
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => {})
    await this.#file.close()
  }
}

/** The entries of a spool that has ended, in the order they came. */
export async function* entriesOf(path: string): AsyncGenerator<Batch> {
  const file = await open(path)
  try {
    let bytes = Buffer.allocUnsafeSlow(readBytes)
    let kept = 0 // bytes of an entry that is not whole
    for (;;) {
      if (kept === bytes.length) bytes = Buffer.concat([bytes], 2 * bytes.length)
      const end = kept + (await readFull(file, bytes, kept))
      if (end === kept) return
      const { starts, whole } = startsIn(bytes, end)
      yield { bytes, starts }
      bytes.copyWithin(0, whole, end)
      kept = end - whole
    }
  } finally {
    await file.close()
  }
}

/** Fills the buffer from `offset` on with what comes next, or as far as the file goes. */
export async function readFull(file: FileHandle, bytes: Buffer, offset = 0): Promise<number> {
  let total = 0
  while (offset + total < bytes.length) {
    const { bytesRead } = await file.read(bytes, offset + total)
    if (bytesRead === 0) break
    total += bytesRead
  }
  return total
}

/** Where the entries begin that are whole before `end`, and where the last of them ends. */
export function startsIn(bytes: Buffer, end: number): { starts: Uint32Array; whole: number } {
  const starts: number[] = []
  let at = 0
  while (at + 4 <= end && at + bytes.readUInt32LE(at) <= end) {
    starts.push(at)
    at += bytes.readUInt32LE(at)
  }
  return { starts: Uint32Array.from(starts), whole: at }
}
