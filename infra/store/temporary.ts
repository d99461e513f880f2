/** Names for what is not whole yet, and the end of what never became so. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A new path below `root`, on its file system so that a rename is atomic. No key starts with a dot. */
export const temporaryIn = (root: string) => join(root, `.${crypto.randomUUID()}`)

const stale = 24 * 60 * 60 * 1000 // ms: longer than anything is written without a pause

/** Removes what processes left behind that died while they wrote. */
export async function removeStale(root: string, now = Date.now()): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith('.')) continue
    const path = join(root, name)
    // The time of the last change of any kind: a link to an old file has the times of that file but this one.
    const found = await stat(path).catch(() => undefined)
    if (found && now - found.ctimeMs > stale) await rm(path, { recursive: true, force: true })
  }
}
