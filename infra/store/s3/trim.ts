import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryIn } from '../temporary.ts'

/** A copy that was touched within the hour may be in use, by this process or another one. */
export const inUseMs = 3_600_000

type Copy = { path: string; bytes: number; touched: number }

/** Removes copies below `root`, those touched longest ago first, until there are `maxBytes` or only those in use. */
export async function trim(root: string, maxBytes: number, now = Date.now()): Promise<void> {
  const copies = (await Array.fromAsync(copiesBelow(root))).sort((a, b) => a.touched - b.touched)
  let bytes = copies.reduce((sum, copy) => sum + copy.bytes, 0)
  for (const copy of copies) {
    if (bytes <= maxBytes) return
    if (now - (await touchedAt(copy.path)) < inUseMs) continue
    // Out of sight in one step: nobody finds half of it.
    const gone = temporaryIn(root)
    await rename(copy.path, gone).catch(() => {}) // else another process was faster
    await rm(gone, { recursive: true, force: true })
    bytes -= copy.bytes
  }
}

async function* copiesBelow(directory: string): AsyncGenerator<Copy> {
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name)
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue
    if (!isDigest.test(entry.name)) yield* copiesBelow(path)
    else yield { path, bytes: await bytesIn(path), touched: await touchedAt(path) }
  }
}

/** What a copy's directory is called; no segment of a key is. */
const isDigest = /^[\da-f]{64}$/

/** One that is gone meanwhile is not in use. */
const touchedAt = async (path: string): Promise<number> =>
  (await stat(path).catch(() => undefined))?.mtimeMs ?? 0

async function bytesIn(directory: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(directory).catch(() => []))
    bytes += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0
  return bytes
}
