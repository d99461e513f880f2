/** Directories of objects as local directories, each downloaded once: the engine reads files in place. */
import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { temporaryIn } from '../temporary.ts'
import { inUseMs, trim } from './trim.ts'

/** An object's name below its directory, and the tag of its content. */
export type Tagged = { name: string; tag: string }
type Read = (name: string) => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>

export type LocalCopies = {
  /**
   * The directory with these objects below `key`, read with `read` unless they are there. It is there for an hour, or, if
   * it `stays`, as long as this process runs.
   */
  directory(key: string, objects: readonly Tagged[], read: Read, stays?: boolean): Promise<string>
  /** Removes what is here of `key` and below it. */
  remove(key: string): Promise<void>
}

/**
 * Copies below `root`: `<key>/<digest of names and tags>/<name>`, so that other content is another directory. They go
 * when their key is deleted by this machine, or when there are more than `maxBytes`; who needs one touches it, so that all
 * processes know which are in use. All may be deleted whenever no service runs.
 */
export function localCopies(root: string, maxBytes: number): LocalCopies {
  const downloading = new Map<string, Promise<string>>()
  const staying = new Set<string>()

  /** Has it count as in use from now on. */
  function stay(path: string): void {
    if (staying.size === 0) setInterval(() => staying.forEach(touch), inUseMs / 4).unref()
    staying.add(path)
  }

  async function download(path: string, objects: readonly Tagged[], read: Read) {
    if (await touch(path)) return path
    const temporary = temporaryIn(root)
    await mkdir(temporary, { recursive: true })
    try {
      for (const { name } of objects) {
        const content = await read(name)
        const file = await open(join(temporary, name), 'wx')
        await pipeline(content, file.createWriteStream({ flush: true }))
      }
      await touch(temporary) // its last file may have taken hours
      await mkdir(dirname(path), { recursive: true })
      await rename(temporary, path).catch(async (error: unknown) => {
        if (!(await touch(path))) throw error // else another process was faster, with the same content
      })
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
    await trim(root, maxBytes).catch(() => {}) // the next download tries again
    return path
  }

  return {
    directory(key, objects, read, stays) {
      const path = join(root, key, digestOf(objects))
      if (stays) stay(path)
      const running = downloading.get(path)
      if (running) return running
      const started = download(path, objects, read).finally(() => downloading.delete(path))
      downloading.set(path, started)
      return started
    },
    remove: (key) => rm(join(root, key), { recursive: true, force: true }),
  }
}

const digestOf = (objects: readonly Tagged[]) =>
  createHash('sha256')
    .update(JSON.stringify(objects.map(({ name, tag }) => [name, tag])))
    .digest('hex')

/** Answers whether it is there. */
async function touch(path: string): Promise<boolean> {
  const now = new Date()
  return utimes(path, now, now).then(
    () => true,
    () => false,
  )
}
