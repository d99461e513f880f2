import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Reads `length` bytes at `offset`; throws when the file ends before them. */
export type Read = (offset: number, length: number) => Uint8Array<ArrayBuffer>

/** Opens `file` for as long as `use` reads pieces of it; `size` is in bytes. */
export function withFile<T>(file: string, use: (read: Read, size: number) => T): T {
  const fd = openSync(file, 'r')
  try {
    return use((offset, length) => {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; ) {
        const chunk = Math.min(length - at, 2 ** 30) // one call reads less than 2 GiB
        const got = readSync(fd, bytes, at, chunk, offset + at)
        if (got === 0) throw new Error(`${file}: ends at byte ${offset + at}, wanted ${offset + length}`)
        at += got
      }
      return bytes
    }, fstatSync(fd).size)
  } finally {
    closeSync(fd)
  }
}
