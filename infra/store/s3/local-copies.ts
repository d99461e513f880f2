/** Directories of objects as local directories, each downloaded once: the engine reads files in place. */
import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { temporaryIn } from '../temporary.ts'

/** An object's name below its directory, and the tag of its content. */
export type Tagged = { name: string; tag: string }
type Read = (name: string) => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>

export type LocalCopies = {
  /** The directory with these objects below `key`, read with `read` unless they are there. */
  directory(key: string, objects: readonly Tagged[], read: Read): Promise<string>
  /** Removes what is here of `key` and below it. */
  remove(key: string): Promise<void>
}

/**
 * Copies below `root`: `<key>/<digest of names and tags>/<name>`, so that other content is another directory. They go
 * when their key is deleted by this machine; the rest may be deleted whenever no service runs.
 */
export function localCopies(root: string): LocalCopies {
  const downloading = new Map<string, Promise<string>>()

  async function download(path: string, objects: readonly Tagged[], read: Read) {
    if (await isThere(path)) return path
    const temporary = temporaryIn(root)
    await mkdir(temporary, { recursive: true })
    try {
      for (const { name } of objects) {
        const content = await read(name)
        const file = await open(join(temporary, name), 'wx')
        await pipeline(content, file.createWriteStream({ flush: true }))
      }
      await mkdir(dirname(path), { recursive: true })
      await rename(temporary, path).catch(async (error: unknown) => {
        if (!(await isThere(path))) throw error // else another process was faster, with the same content
      })
      return path
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }

  return {
    directory(key, objects, read) {
      const path = join(root, key, digestOf(objects))
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

const isThere = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined
