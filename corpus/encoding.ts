/** Which encoding a text is in, found while its bytes stream by. */
import { isUtf8 } from 'node:buffer'
import type { TextEncoding } from '../contract/file.ts'
import { CharacterCut } from './utf8.ts'

const newline = 0x0a
const replacement = Buffer.from('\uFFFD')

export class EncodingDetector {
  readonly #start: number[] = []
  #length = 0
  #last = 0
  /** Line breaks of UTF-16, by the offset of their 0x0A: even where the lower half comes first. */
  readonly #wide: [number, number] = [0, 0]
  /** All bytes 0x0A, by offset. */
  readonly #newlines: [number, number] = [0, 0]
  readonly #cut = new CharacterCut()
  #isUtf8 = true
  readonly #lenient = new TextDecoder('utf-8', { ignoreBOM: true })
  /** Fed from the first piece on that is no UTF-8: of what came before, GB 18030 would make some text or other. */
  readonly #gb18030 = new Strict('gb18030')
  /** Characters of UTF-8 beyond ASCII: U+FFFD and what becomes it, and others. */
  #broken = 0
  #sound = 0

  push(chunk: Uint8Array): void {
    if (this.#start.length < 3) this.#start.push(...chunk.subarray(0, 3 - this.#start.length))
    this.#take(this.#cut.push(chunk))
  }

  /** The encoding, or null where the bytes are no text in one we know. */
  end(): TextEncoding | null {
    this.#take(this.#cut.end())
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
    if (this.#isUtf8) return 'utf-8'
    // A few broken bytes among sound ones are damaged UTF-8, though GB 18030 may find a reading for them.
    if (this.#broken <= 0.1 * this.#sound) return 'utf-8'
    return this.#gb18030.end() ? 'gb18030' : null
  }

  #take({ buffer, byteOffset, length }: Uint8Array): void {
    const bytes = Buffer.from(buffer, byteOffset, length)
    this.#countLineBreaks(bytes)
    this.#isUtf8 &&= isUtf8(bytes)
    if (this.#isUtf8) {
      const replaced = occurrences(bytes, replacement)
      this.#broken += replaced
      this.#sound += countBeyondAscii(bytes) - replaced
    } else {
      this.#countCharacters(this.#lenient.decode(bytes))
      this.#gb18030.push(bytes)
    }
  }

  #countLineBreaks(bytes: Buffer): void {
    if (bytes.length === 0) return
    const isEven = (at: number) => (this.#length + at) % 2 === 0
    if (this.#last === newline && bytes[0] === 0 && isEven(-1)) this.#wide[0] += 1
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) {
      if (isEven(at)) {
        this.#newlines[0] += 1
        if (bytes[at + 1] === 0) this.#wide[0] += 1
      } else {
        this.#newlines[1] += 1
        if ((bytes[at - 1] ?? this.#last) === 0) this.#wide[1] += 1
      }
    }
    this.#last = bytes.at(-1)!
    this.#length += bytes.length
  }

  #countCharacters(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit === 0xfffd) this.#broken += 1
      else if (unit > 0x7f && (unit & 0xfc00) !== 0xdc00) this.#sound += 1 // pairs of UTF-16 by their first half
    }
  }
}

function occurrences(bytes: Buffer, part: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(part); at >= 0; at = bytes.indexOf(part, at + part.length)) count += 1
  return count
}

/** How many characters beyond ASCII begin in UTF-8: at bytes whose two upper bits are set. */
function countBeyondAscii(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes
  const view = new DataView(buffer, byteOffset, length)
  let count = 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const word = view.getUint32(at)
    const begins = word & (word << 1) & 0x80808080 // the upper bit of each such byte
    count += Math.imul(begins >>> 7, 0x01010101) >>> 24 // their sum, in the uppermost byte
  }
  for (; at < length; at++) if (bytes[at]! >= 0xc0) count += 1
  return count
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
