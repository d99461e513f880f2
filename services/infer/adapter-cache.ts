/** Adapters on the local disk, where the engine reads them: fetched from storage on first use, then kept. */

import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ObjectNotFound, type Store } from '../../infra/store/store.ts'

export type AdapterCache = {
  /** The directory with the files of the adapter stored under `key`. Throws `ObjectNotFound`. */
  directoryOf(key: string): Promise<string>
  drop(key: string): Promise<void>
}

/** A cache below `root`, an absolute directory that need not exist yet; processes may share it. */
export function adapterCache(root: string, store: Store): AdapterCache {
  // No key has a tilde: two keys never share a place.
  const placeOf = (key: string) => join(root, key.replaceAll('/', '~'))
  /** One fetch at a time for each adapter, whoever asks. */
  const fetching = new Map<string, Promise<void>>()

  async function fetch(key: string): Promise<void> {
    // In a directory of its own until it is whole: what stands in its place is always complete.
    const partial = join(root, `.${crypto.randomUUID()}`)
    const files = await store.list(key)
    if (files.length === 0) throw new ObjectNotFound(key)
    await mkdir(partial, { recursive: true })
    try {
      for (const file of files) await writeFile(join(partial, file), await store.get(`${key}/${file}`))
      await rename(partial, placeOf(key)).catch((error: NodeJS.ErrnoException) => {
        // Another process was faster; its copy is as good.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      })
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  }

  return {
    async directoryOf(key) {
      const place = placeOf(key)
      if (!existsSync(place)) {
        if (!fetching.has(key)) {
          fetching.set(
            key,
            fetch(key).finally(() => fetching.delete(key)),
          )
        }
        await fetching.get(key)
      }
      return place
    },
    drop: (key) => rm(placeOf(key), { recursive: true, force: true }),
  }
}
