import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Reads `length` bytes at `offset`; throws when the file ends before them. */
export type Read = (offset: number, length: number) => Uint8Array<ArrayBuffer>

/** `size` is in bytes. */
export type OpenFile = Disposable & { read: Read; size: number }

export function openFile(file: string): OpenFile {
  const fd = openSync(file, 'r')
  const read: Read = (offset, length) => {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      const chunk = Math.min(length - at, 2 ** 30) // one call reads less than 2 GiB
      const got = readSync(fd, bytes, at, chunk, offset + at)
      if (got === 0) throw new Error(`${file}: ends at byte ${offset + at}, wanted ${offset + length}`)
      at += got
    }
    return bytes
  }
  return { read, size: fstatSync(fd).size, [Symbol.dispose]: () => closeSync(fd) }
}

/** Opens `file` for as long as `use` reads pieces of it. */
export function withFile<T>(file: string, use: (read: Read, size: number) => T): T {
  using opened = openFile(file)
  return use(opened.read, opened.size)
}
