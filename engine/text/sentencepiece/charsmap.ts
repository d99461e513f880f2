/**
 * SentencePiece's normalization rules as models carry them: a double-array trie (Darts-clone) from UTF-8 sequences to
 * places in a list of texts that end with NUL. The blob is the trie's size in bytes (u32), its units (u32, all
 * little-endian), then the texts.
 */
export class Charsmap {
  readonly #units: Uint32Array
  readonly #texts: Uint8Array

  constructor(blob: Uint8Array) {
    const bytes = Uint8Array.from(blob) // aligned
    const size = bytes.length >= 4 ? new DataView(bytes.buffer).getUint32(0, true) : Number.NaN
    if (!(size % 4 === 0 && size + 4 <= bytes.length))
      throw new Error(`a charsmap of ${bytes.length} bytes cannot hold a trie of ${size}`)
    this.#units = new Uint32Array(bytes.buffer.slice(4, 4 + size))
    this.#texts = bytes.subarray(4 + size)
  }

  /** As sentencepiece does: at each place the longest rule, or else the character as it is. */
  longest(text: string): string {
    const bytes = encoder.encode(text)
    let out = ''
    for (let at = 0; at < bytes.length; ) {
      const rule = this.#matches(bytes, at).at(-1)
      const length = rule?.length ?? characterLength(bytes[at]!)
      out += rule ? this.#textAt(rule.value) : decoder.decode(bytes.subarray(at, at + length))
      at += length
    }
    return out
  }

  /**
   * As tokenizers does: a grapheme of less than 6 bytes is replaced by its first rule, whole; of others each character
   * is.
   */
  byGrapheme(text: string): string {
    const first = (part: string) => {
      const [rule] = this.#matches(encoder.encode(part), 0)
      return rule && this.#textAt(rule.value)
    }
    let out = ''
    for (const { segment } of graphemes.segment(text)) {
      const whole = encoder.encode(segment).length < 6 ? first(segment) : undefined
      out += whole ?? Array.from(segment, (character) => first(character) ?? character).join('')
    }
    return out
  }

  /** The rules whose sequence starts `bytes` at `at`, the shortest first: bytes they take, and where their text is. */
  #matches(bytes: Uint8Array, at: number): { length: number; value: number }[] {
    const units = this.#units
    const found: { length: number; value: number }[] = []
    let node = offsetOf(units[0] ?? 0)
    for (let i = at; i < bytes.length && bytes[i] !== 0; i++) {
      node = (node ^ bytes[i]!) >>> 0
      const unit = units[node]
      if (unit === undefined || (unit & 0x8000_00ff) >>> 0 !== bytes[i]) break
      node = (node ^ offsetOf(unit)) >>> 0
      if ((unit >>> 8) & 1) found.push({ length: i - at + 1, value: (units[node] ?? 0) & 0x7fff_ffff })
    }
    return found
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start)
    return decoder.decode(this.#texts.subarray(start, end < 0 ? undefined : end))
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** From a unit to where its children lie, relative to itself. */
const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6)

/** Bytes of the UTF-8 character that starts with this one. */
const characterLength = (first: number) => (first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)
