import { constants, createReadStream, createWriteStream } from 'node:fs'
import { access, copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Bytes, checkKey, ObjectNotFound, type Store } from './store.ts'

/** Objects as files below `root`, an absolute directory that need not exist yet. */
export function diskStore(root: string): Store {
  const pathOf = (key: string) => {
    checkKey(key)
    return join(root, key)
  }

  async function put(key: string, content: Bytes) {
    const path = pathOf(key)
    // Keys never start with a dot, so no object can have this name; same file system, so rename is atomic.
    const temporary = join(root, `.${crypto.randomUUID()}`)
    await mkdir(dirname(path), { recursive: true })
    try {
      const file = createWriteStream(temporary, { flags: 'wx', flush: true })
      await pipeline(content, file)
      await rename(temporary, path)
      return { bytes: file.bytesWritten }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  return {
    put,
    putBytes: (key, content) => put(key, Readable.from([content])),
    async get(key) {
      // Opened before it is answered: a missing object is an error here, not in the middle of the stream.
      const file = await open(pathOf(key)).catch(rethrow(key))
      if (!(await file.stat()).isFile()) {
        await file.close()
        throw new ObjectNotFound(key)
      }
      const stream = createReadStream('', { fd: file })
      return Readable.toWeb(stream) as ReadableStream<Uint8Array<ArrayBuffer>>
    },
    bytes: async (key) => readFile(pathOf(key)).catch(rethrow(key)),
    async exists(key) {
      const found = await stat(pathOf(key)).catch(() => undefined)
      return found?.isFile() ?? false
    },
    async list(key) {
      const entries = await readdir(pathOf(key), { withFileTypes: true }).catch(() => [])
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()
    },
    async adopt(key, path, how) {
      const target = pathOf(key)
      const temporary = join(root, `.${crypto.randomUUID()}`)
      await mkdir(dirname(target), { recursive: true })
      try {
        if (how === 'move') await rename(path, temporary).catch(orCopy(path, temporary))
        else await link(path, temporary).catch(orCopy(path, temporary))
        await rename(temporary, target)
        if (how === 'move') await rm(path, { force: true })
      } finally {
        await rm(temporary, { force: true })
      }
    },
    async directory(key) {
      const path = pathOf(key)
      const found = await stat(path).catch(rethrow(key))
      if (!found.isDirectory()) throw new ObjectNotFound(key)
      return path
    },
    delete: async (key) => rm(pathOf(key), { recursive: true, force: true }),
    async check() {
      await mkdir(root, { recursive: true })
      await access(root, constants.R_OK | constants.W_OK)
    },
  }
}

/** Copies where a file cannot be moved or linked: to another file system, or as another user. */
function orCopy(from: string, to: string) {
  return async (error: NodeJS.ErrnoException): Promise<void> => {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(error.code ?? '')) throw error
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  }
}

/** Turns what the file system says of a missing file into what the store says of a missing object. */
function rethrow(key: string) {
  return (error: NodeJS.ErrnoException): never => {
    const missing = ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(error.code ?? '')
    throw missing ? new ObjectNotFound(key) : error
  }
}
