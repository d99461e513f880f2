import { type FileHandle, open } from 'node:fs/promises'
import { ByteBuffer } from './byte-buffer.ts'

/** A new file whose next page is filled while the last one is written. */
export class PagedFile {
  readonly path: string
  /** What waits to be written; `flush` puts another one in its place. */
  page: ByteBuffer
  readonly #file: FileHandle
  readonly #pageBytes: number
  #other = new ByteBuffer(0)
  #writing: Promise<unknown> = Promise.resolve()
  /** How many bytes it has. */
  length = 0

  private constructor(path: string, file: FileHandle, pageBytes: number) {
    this.path = path
    this.#file = file
    this.#pageBytes = pageBytes
    this.page = new ByteBuffer(pageBytes)
  }

  /** @param pageBytes how much it has in memory without growing */
  static async create(path: string, pageBytes: number): Promise<PagedFile> {
    return new PagedFile(path, await open(path, 'wx'), pageBytes)
  }

  /** Before it has to grow. */
  get isFull(): boolean {
    return this.page.length >= 0.9 * this.#pageBytes
  }

  /** Begins to write the page, once what was written before is done. */
  async flush(): Promise<void> {
    await this.#writing
    ;[this.page, this.#other] = [this.#other, this.page]
    this.page.length = 0
    const { bytes, length } = this.#other
    this.#writing = this.#file.write(bytes, 0, length, this.length)
    this.#writing.catch(() => {}) // heard of by who waits for it
    this.length += length
  }

  /** Everything is in the file then, and nothing in memory. */
  async end(): Promise<void> {
    await this.flush()
    await this.#writing
    this.page = this.#other = new ByteBuffer(0)
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => {})
    await this.#file.close()
  }
}
