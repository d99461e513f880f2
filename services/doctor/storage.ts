import { randomBytes } from 'node:crypto'
import type { Config } from '../../infra/config.ts'
import { openStore } from '../../infra/store/open.ts'
import type { Store } from '../../infra/store/store.ts'
import { about, type Finding } from './finding.ts'

const storage = about('storage')

type Place = Pick<Config, 'storageUrl' | 'home'>

/** Writes, reads and deletes an object. */
export async function checkStorage(config: Place): Promise<{ finding: Finding; store?: Store }> {
  const { protocol, host, pathname } = new URL(config.storageUrl)
  const place = `${protocol}//${host}${pathname}`
  const key = `doctor-${crypto.randomUUID()}`
  const probe = randomBytes(64)
  try {
    const store = await openStore(config)
    await store.putBytes(key, probe)
    try {
      if (!probe.equals(await store.bytes(key)))
        return { finding: storage.fail(`${place} gives back other bytes than it got: do not use it`) }
    } finally {
      await store.delete(key)
    }
    return { finding: storage.ok(`an object was written, read and deleted: ${place}`), store }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    return { finding: storage.fail(`${place}: ${reasons[code] ?? message}`) }
  }
}

const mayNot = 'this user may not write there; give it the directory, or correct STORAGE_URL'
const reasons: Record<string, string | undefined> = {
  EACCES: mayNot,
  EPERM: mayNot,
  EROFS: 'this file system is read-only; correct STORAGE_URL',
  ENOTDIR: 'a part of this path is a file; correct STORAGE_URL',
  ENOSPC: 'the disk is full; make room',
}
