/** Which encoding a text is in, found while its bytes stream by. */
import type { TextEncoding } from '../contract/file.ts'

const newline = 0x0a

export class EncodingDetector {
  #start: number[] = []
  #length = 0
  /** The byte before, at an even offset. */
  #even = 0
  /** Line breaks of UTF-16, by the offset of their 0x0A: even where the lower half comes first. */
  #wide: [number, number] = [0, 0]
  /** All bytes 0x0A, by offset. */
  #newlines: [number, number] = [0, 0]
  readonly #utf8 = new Strict('utf-8')
  readonly #gb18030 = new Strict('gb18030')
  readonly #lenient = new TextDecoder('utf-8')
  #broken = 0
  #sound = 0

  push(chunk: Uint8Array): void {
    if (this.#start.length < 3) this.#start.push(...chunk.subarray(0, 3 - this.#start.length))
    for (const byte of chunk) {
      const side = this.#length % 2
      if (byte === newline) this.#newlines[side]! += 1
      if (side === 0) this.#even = byte
      else if (this.#even === newline && byte === 0) this.#wide[0] += 1
      else if (this.#even === 0 && byte === newline) this.#wide[1] += 1
      this.#length += 1
    }
    this.#utf8.push(chunk)
    this.#gb18030.push(chunk)
    this.#count(this.#lenient.decode(chunk, { stream: true }))
  }

  /** The encoding, or null where the bytes are no text in one we know. */
  end(): TextEncoding | null {
    this.#count(this.#lenient.decode())
    const [a, b, c] = this.#start
    if (a === 0xff && b === 0xfe) return 'utf-16le'
    if (a === 0xfe && b === 0xff) return 'utf-16be'
    if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8'
    // Without a mark: a line break of UTF-16 is 0x0A beside a NUL, always on the same side. 0x0A on the other side would
    // be half of a letter of Punjabi or Gujarati; a text of bytes with a stray NUL has line breaks on both sides.
    const [little, big] = this.#wide
    const [even, odd] = this.#newlines
    if (this.#length % 2 === 0 && odd < little && little >= big) return 'utf-16le'
    if (this.#length % 2 === 0 && even < big) return 'utf-16be'
    if (this.#utf8.end()) return 'utf-8'
    // A few broken bytes among sound ones are damaged UTF-8, though GB 18030 may find a reading for them.
    if (this.#broken <= 0.1 * this.#sound) return 'utf-8'
    return this.#gb18030.end() ? 'gb18030' : null
  }

  #count(text: string): void {
    for (const character of text) {
      if (character === '\uFFFD') this.#broken += 1
      else if (character > '\u007F') this.#sound += 1
    }
  }
}

export function detectEncoding(bytes: Uint8Array): TextEncoding | null {
  const detector = new EncodingDetector()
  detector.push(bytes)
  return detector.end()
}

/** Whether all bytes so far are valid in an encoding. */
class Strict {
  readonly #decoder: TextDecoder
  #valid = true

  constructor(encoding: TextEncoding) {
    this.#decoder = new TextDecoder(encoding, { fatal: true })
  }

  push(chunk: Uint8Array): void {
    this.#try(() => this.#decoder.decode(chunk, { stream: true }))
  }

  end(): boolean {
    this.#try(() => this.#decoder.decode())
    return this.#valid
  }

  #try(decode: () => void): void {
    if (!this.#valid) return
    try {
      decode()
    } catch {
      this.#valid = false
    }
  }
}
