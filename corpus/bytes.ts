/** What the bytes of UTF-8 are to a corpus: a table that each byte is looked up in once. */

/** Nothing to look at; else what has to be done about it. */
export const plain = 0
export const newline = 1
export const carriageReturn = 2
/** JSON writes it in another way: a quote, a backslash or a tab. */
export const escaped = 3
/** Unfit for a text, or the first byte of what may be: see `isUnfit`. */
export const suspect = 4

export const kinds = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x0a) return newline
  if (byte === 0x0d) return carriageReturn
  if (byte === 0x09 || byte === 0x22 || byte === 0x5c) return escaped
  if (byte < 0x20 || byte === 0x7f || byte === 0xc2 || byte === 0xef) return suspect
  return plain
})

/** Where the next byte is that is not plain, from `from` on; the length: nowhere. */
export function nextMarked(bytes: Uint8Array, from: number): number {
  const { length } = bytes
  let i = from
  // Most bytes are plain: four looked up for one decision are twice as fast.
  while (
    i + 4 <= length &&
    (kinds[bytes[i]!]! | kinds[bytes[i + 1]!]! | kinds[bytes[i + 2]!]! | kinds[bytes[i + 3]!]!) === plain
  )
    i += 4
  while (i < length && kinds[bytes[i]!] === plain) i += 1
  return i
}

/** Whether a control character, or what broken bytes turn into, begins at a suspect byte. */
export function isUnfit(bytes: Uint8Array, at: number): boolean {
  switch (bytes[at]) {
    case 0xc2:
      return bytes[at + 1]! < 0xa0 // U+0080 to U+009F
    case 0xef:
      return bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd // U+FFFD
    default:
      return true
  }
}

/** The bytes between `from` and `to` without white space at both ends, as `trim` does it to a string. */
export function trimmed(bytes: Uint8Array, from: number, to: number): [from: number, to: number] {
  let [start, end] = [from, to]
  for (let length: number; start < end; start += length) {
    length = spaceAt(bytes, start)
    if (length === 0) break
  }
  for (let length: number; start < end; end -= length) {
    length = spaceBefore(bytes, end)
    if (length === 0) break
  }
  return [start, end]
}

const spaceBefore = (bytes: Uint8Array, end: number): number => {
  const last = bytes[end - 1]!
  if (last > 0x20 && last < 0x80) return 0
  return [1, 2, 3].find((length) => length <= end && spaceAt(bytes, end - length) === length) ?? 0
}

/** How many bytes the white space has that begins there; 0: none does. */
function spaceAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first <= 0x20) return first === 0x20 || (first >= 0x09 && first <= 0x0d) ? 1 : 0
  if (first < 0xc2) return 0
  const second = bytes[at + 1]
  if (first === 0xc2) return second === 0xa0 ? 2 : 0
  const third = bytes[at + 2]!
  switch (first) {
    case 0xe1:
      return second === 0x9a && third === 0x80 ? 3 : 0 // U+1680
    case 0xe2:
      if (second === 0x81) return third === 0x9f ? 3 : 0 // U+205F
      if (second !== 0x80) return 0
      return third <= 0x8a || third === 0xa8 || third === 0xa9 || third === 0xaf ? 3 : 0 // U+2000 to 200A, 2028, 2029, 202F
    case 0xe3:
      return second === 0x80 && third === 0x80 ? 3 : 0 // U+3000
    case 0xef:
      return second === 0xbb && third === 0xbf ? 3 : 0 // U+FEFF
    default:
      return 0
  }
}
