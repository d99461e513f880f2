/** Entries one after the other in a file, for as long as they are put in order. */
import { type FileHandle, open } from 'node:fs/promises'

/** Some entries: where each begins in `bytes`, until the next batch comes. */
export type Batch = { bytes: Buffer; starts: Uint32Array }

const readBytes = 2 ** 20

/** All entries of a file in the order they came. */
export async function* entriesOf(path: string): AsyncGenerator<Batch> {
  const file = await open(path)
  try {
    let bytes = Buffer.allocUnsafeSlow(readBytes)
    let kept = 0 // bytes of an entry that is not whole
    for (;;) {
      if (kept === bytes.length) bytes = Buffer.concat([bytes], 2 * bytes.length)
      const end = kept + (await readFull(file, bytes, kept))
      if (end === kept) return
      const { starts, whole } = startsIn(bytes, end)
      yield { bytes, starts }
      bytes.copyWithin(0, whole, end)
      kept = end - whole
    }
  } finally {
    await file.close()
  }
}

/** Fills the buffer from `offset` on with what comes next, or as far as the file goes. */
export async function readFull(file: FileHandle, bytes: Buffer, offset = 0): Promise<number> {
  let total = 0
  while (offset + total < bytes.length) {
    const { bytesRead } = await file.read(bytes, offset + total)
    if (bytesRead === 0) break
    total += bytesRead
  }
  return total
}

/** Where the entries begin that are whole before `end`, and where the last of them ends. */
export function startsIn(bytes: Buffer, end: number): { starts: Uint32Array; whole: number } {
  const starts: number[] = []
  let at = 0
  while (at + 4 <= end && at + bytes.readUInt32LE(at) <= end) {
    starts.push(at)
    at += bytes.readUInt32LE(at)
  }
  return { starts: Uint32Array.from(starts), whole: at }
}
