/** Texts of all encodings as UTF-8, piece by piece, no character cut in two. */
import { isUtf8 } from 'node:buffer'
import type { TextEncoding } from '../contract/file.ts'

/** Cuts a stream of UTF-8 between characters. */
export class CharacterCut {
  #rest: Uint8Array = new Uint8Array()

  /** As much as is whole of what has come. */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    const whole = wholeCharacters(bytes)
    this.#rest = bytes.slice(whole) // a copy: who sent the chunk may use it again
    return bytes.subarray(0, whole)
  }

  /** What is left: a character that is not whole, or nothing. */
  end(): Uint8Array {
    return this.#rest
  }
}

/** The length without the bytes at the end that begin a character and do not end it. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let i = bytes.length - 1; i >= Math.max(0, bytes.length - 3); i--) {
    const byte = bytes[i]!
    if (byte < 0x80) break
    if (byte < 0xc0) continue // in the middle of one
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return i + length > bytes.length ? i : bytes.length
  }
  return bytes.length
}

/** Without a byte-order mark; what is no text becomes U+FFFD. */
export async function* utf8Of(
  content: AsyncIterable<Uint8Array>,
  encoding: TextEncoding | null,
): AsyncGenerator<Buffer> {
  if (encoding !== null && encoding !== 'utf-8') {
    const decoder = new TextDecoder(encoding)
    for await (const chunk of content) yield Buffer.from(decoder.decode(chunk, { stream: true }))
    yield Buffer.from(decoder.decode())
    return
  }
  const cut = new CharacterCut()
  let atStart = true
  for await (const chunk of content) {
    const piece = sound(cut.push(chunk))
    if (piece.length === 0) continue
    yield atStart && piece.indexOf(mark) === 0 ? piece.subarray(mark.length) : piece
    atStart = false
  }
  yield sound(cut.end())
}

const mark = Buffer.from('\uFEFF')
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

const sound = (bytes: Uint8Array): Buffer =>
  isUtf8(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    : Buffer.from(lenient.decode(bytes))
