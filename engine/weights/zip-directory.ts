/**
 * The table of contents of a zip file whose entries are stored, not compressed: such bytes can be used where they lie.
 * Source: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3.
 */
import type { Read } from './read-file.ts'

/** Where an entry's bytes lie in the zip file. */
export type StoredEntry = { offset: number; length: number }

type Fail = (problem: string) => never

const maxDirectory = 16 * 2 ** 20 // bytes: a hundred thousand entries
const endSize = 22
const maxComment = 0xffff

/**
 * The entries by name. Calls `fail` when one is compressed, encrypted, there twice, overlaps another or lies outside of
 * the file, or when its two headers disagree.
 */
export function readZipDirectory(read: Read, size: number, fail: Fail): Map<string, StoredEntry> {
  const directory = findDirectory(read, size, fail)
  if (directory.length > maxDirectory)
    fail(`its directory claims ${directory.length} bytes, more than the limit of ${maxDirectory}`)
  if (directory.offset + directory.length > size)
    fail(`its directory should end at byte ${directory.offset + directory.length}, the file ends at ${size}`)
  const entries = parseDirectory(read(directory.offset, directory.length), fail)

  const stored = new Map<string, StoredEntry>()
  let end = 0
  let before = ''
  for (const entry of entries.sort((a, b) => a.header - b.header)) {
    const { name, length } = entry
    if (stored.has(name)) fail(`it has two entries "${name}"`)
    if (entry.header < end) fail(`its entry "${name}" overlaps "${before}"`)
    const offset = dataOffset(read, size, entry, fail)
    end = offset + length
    before = name
    if (end > directory.offset)
      fail(`its entry "${name}" ends at byte ${end}, behind the directory at ${directory.offset}`)
    stored.set(name, { offset, length })
  }
  return stored
}

function findDirectory(read: Read, size: number, fail: Fail): StoredEntry {
  const tailStart = Math.max(0, size - endSize - maxComment)
  const tail = view(read(tailStart, size - tailStart))
  let at = tail.byteLength - endSize
  // The comment behind the end record must reach exactly to the end of the file.
  const isEnd = (i: number) =>
    tail.getUint32(i, true) === 0x06054b50 && i + endSize + tail.getUint16(i + 20, true) === tail.byteLength
  while (at >= 0 && !isEnd(at)) at--
  if (at < 0) return fail('it has no end record of a zip file; it is cut off, or something else')

  const narrow = { length: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) }

  // A large file has a second, 64-bit end record; a pointer to it stands right before the first.
  if (at < 20 || tail.getUint32(at - 20, true) !== 0x07064b50) return narrow
  const record = big(tail, at - 12, fail)
  if (record + 56 > size) return fail(`its 64-bit end record should be at byte ${record}`)
  const end = view(read(record, 56))
  if (end.getUint32(0, true) !== 0x06064b50) return fail(`byte ${record} is no 64-bit end record`)
  const wide = { length: big(end, 40, fail), offset: big(end, 48, fail) }
  const agree = (a: number, b: number) => a === b || a === 0xffffffff
  if (!agree(narrow.length, wide.length) || !agree(narrow.offset, wide.offset))
    return fail('its two end records disagree')
  return wide
}

type Entry = { name: string; header: number; length: number }

function parseDirectory(bytes: Uint8Array<ArrayBuffer>, fail: Fail): Entry[] {
  const data = view(bytes)
  const entries: Entry[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 46 > bytes.length || data.getUint32(at, true) !== 0x02014b50)
      fail(`byte ${at} of its directory does not start an entry`)
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((i) => data.getUint16(at + i, true))
    const nameEnd = at + 46 + nameLength!
    const end = nameEnd + extraLength! + commentLength!
    if (end > bytes.length) fail(`the last entry of its directory is cut off`)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd))
    if (data.getUint16(at + 8, true) & 1) fail(`its entry "${name}" is encrypted`)
    if (data.getUint16(at + 10, true) !== 0) fail(`its entry "${name}" is compressed, not stored`)

    const wide = wideFields(bytes.subarray(nameEnd, nameEnd + extraLength!), fail)
    const field = (i: number) => {
      const narrow = data.getUint32(at + i, true)
      return narrow === 0xffffffff ? wide() : narrow
    }
    const [length, packed, header] = [field(24), field(20), field(42)] // in the order of the wide fields
    if (packed !== length) fail(`its entry "${name}" has ${length} bytes in ${packed} stored ones`)
    entries.push({ name, header: header!, length: length! })
    at = end
  }
  return entries
}

/** Gives the 64-bit numbers of an extra field one after the other, for those fields that did not fit into 32 bits. */
function wideFields(extra: Uint8Array<ArrayBuffer>, fail: Fail): () => number {
  const data = view(extra)
  for (let at = 0; at + 4 <= extra.length; at += 4 + data.getUint16(at + 2, true)) {
    if (data.getUint16(at, true) !== 1) continue
    const end = at + 4 + data.getUint16(at + 2, true)
    let next = at + 4
    return () => {
      next += 8
      return next <= Math.min(end, extra.length)
        ? big(data, next - 8, fail)
        : fail('a 64-bit size is missing')
    }
  }
  return () => fail('a 64-bit size is missing')
}

/** Where the data of an entry starts: behind its local header, whose name must be the directory's. */
function dataOffset(read: Read, size: number, { name, header }: Entry, fail: Fail): number {
  const nameLength = new TextEncoder().encode(name).length
  if (header + 30 + nameLength > size) fail(`its entry "${name}" should start at byte ${header}`)
  const bytes = read(header, 30 + nameLength)
  const local = view(bytes)
  if (local.getUint32(0, true) !== 0x04034b50 || local.getUint16(26, true) !== nameLength)
    fail(`its entry "${name}" has no header at byte ${header}`)
  if (new TextDecoder().decode(bytes.subarray(30)) !== name)
    fail(`its entry "${name}" has another name at byte ${header}`)
  return header + 30 + nameLength + local.getUint16(28, true)
}

function big(data: DataView, at: number, fail: Fail): number {
  const value = Number(data.getBigUint64(at, true))
  return Number.isSafeInteger(value) ? value : fail(`it claims a size of ${value} bytes`)
}

const view = (bytes: Uint8Array<ArrayBuffer>) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
