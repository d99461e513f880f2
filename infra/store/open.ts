import { fileURLToPath } from 'node:url'
import { diskStore } from './disk.ts'
import type { Store } from './store.ts'

const kinds: Record<string, (url: URL) => Store> = {
  'file:': (url) => diskStore(fileURLToPath(url)),
}

/** The store that `STORAGE_URL` names. */
export function openStore(storageUrl: string): Store {
  const url = new URL(storageUrl)
  const kind = kinds[url.protocol]
  if (!kind) {
    throw new Error(
      `STORAGE_URL: no store speaks "${url.protocol}//"; expected ${Object.keys(kinds).join('//… or ')}//…`,
    )
  }
  return kind(url)
}
