import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.ts'
import { diskStore } from './disk.ts'
import type { Store } from './store.ts'
import { removeStale } from './temporary.ts'

type Place = Pick<Config, 'storageUrl' | 'home'> & { copyBytes?: number }

/** The store for each scheme, and the directory that it writes to. */
const kinds: Record<string, (url: URL, place: Place) => Promise<{ store: Store; directory: string }>> = {
  'file:': async (url) => {
    const directory = fileURLToPath(url)
    return { store: diskStore(directory), directory }
  },
  's3:': async (url, { home, copyBytes }) => {
    // Only where it is used: its library takes 30 MB and a tenth of a second.
    const { openBucket } = await import('./s3/bucket.ts')
    const { s3Store } = await import('./s3/store.ts')
    const bucket = openBucket(url)
    const directory = join(home, 'copies', bucket.name, bucket.prefix)
    return { store: s3Store(bucket, directory, copyBytes), directory }
  },
}

/** The store that `STORAGE_URL` names. Throws when it cannot be used. */
export async function openStore(place: Place): Promise<Store> {
  const url = new URL(place.storageUrl)
  const open = kinds[url.protocol]
  if (!open) {
    throw new Error(
      `STORAGE_URL: no store speaks "${url.protocol}//"; expected ${Object.keys(kinds).join('//… or ')}//…`,
    )
  }
  const { store, directory } = await open(url, place)
  await store.check()
  await mkdir(directory, { recursive: true })
  await removeStale(directory)
  return store
}
