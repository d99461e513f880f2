/** What is found out about content while it streams by. */
import { createHash, type Hash } from 'node:crypto'
import type { TextEncoding } from '../../contract/file.ts'
import { EncodingDetector } from '../../corpus/encoding.ts'

export class Inspection {
  readonly #sha256 = createHash('sha256')
  readonly #md5: Hash | undefined
  readonly #encoding = new EncodingDetector()

  constructor({ md5 = false } = {}) {
    this.#md5 = md5 ? createHash('md5') : undefined
  }

  async *of(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      this.#sha256.update(chunk)
      this.#md5?.update(chunk)
      this.#encoding.push(chunk)
      yield chunk
    }
  }

  /** Of all that has streamed by. */
  end(): { sha256: string; md5: string | undefined; encoding: TextEncoding | null } {
    return {
      sha256: this.#sha256.digest('hex'),
      md5: this.#md5?.digest('hex'),
      encoding: this.#encoding.end(),
    }
  }
}
