import { constants, createReadStream } from 'node:fs'
import {
  access,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Bytes, checkKey, ObjectNotFound, type Store, type Stored } from './store.ts'
import { temporaryIn } from './temporary.ts'

const readBytes = 256 * 1024
/** What may wait to be written while more comes. */
const aheadBytes = 2 ** 20
const flushBytes = 32 * 2 ** 20

/** Objects as files below `root`, an absolute directory that need not exist yet. */
export function diskStore(root: string): Store {
  const pathOf = (key: string) => {
    checkKey(key)
    return join(root, key)
  }

  /** Gives a whole, flushed file its name, and flushes the name: after a loss of power the object is there. */
  async function place(temporary: string, path: string) {
    const directory = dirname(path)
    for (let tries = 1; ; tries++) {
      try {
        await mkdir(directory, { recursive: true })
        await rename(temporary, path)
        break
      } catch (error) {
        // Another process deleted what is above between the two, or while the first looked (ENOTDIR).
        const { code = '' } = error as NodeJS.ErrnoException
        if (!['ENOENT', 'ENOTDIR'].includes(code) || tries === 100) throw error
      }
    }
    const names = relative(root, directory).split(sep)
    for (let depth = names.length; depth >= 0; depth--) await flush(join(root, ...names.slice(0, depth)))
  }

  async function put(key: string, content: Bytes) {
    const path = pathOf(key)
    const temporary = temporaryIn(root)
    await mkdir(root, { recursive: true })
    try {
      // Open before there is content: a file opened behind a stream that breaks at once would stay.
      const file = await open(temporary, 'wx')
      const stream = file.createWriteStream({ flush: true, highWaterMark: aheadBytes })
      await pipeline(flushing(content, file), stream)
      await place(temporary, path)
      return { bytes: stream.bytesWritten }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  return {
    put,
    putBytes: (key, content) => put(key, Readable.from([content])),
    async get(key, range) {
      // Opened before it is answered: a missing object is an error here, not in the middle of the stream.
      const file = await open(pathOf(key)).catch(rethrow(key))
      if (!(await file.stat()).isFile()) {
        await file.close()
        throw new ObjectNotFound(key)
      }
      const stream = createReadStream('', {
        ...{ fd: file, highWaterMark: readBytes },
        ...(range && { start: range.from, end: range.to - 1 }),
      })
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
    walk: (key) => walk(pathOf(key), key),
    async adopt(key, path) {
      const target = pathOf(key)
      const temporary = temporaryIn(root)
      await mkdir(root, { recursive: true })
      try {
        await link(path, temporary).catch(orCopy(path, temporary))
        await flush(temporary)
        await place(temporary, target)
      } finally {
        await rm(temporary, { force: true })
      }
    },
    async directory(key, { names = [] } = {}) {
      const path = pathOf(key)
      const found = await stat(path).catch(rethrow(key))
      if (!found.isDirectory()) throw new ObjectNotFound(key)
      for (const name of names) await stat(join(path, name)).catch(rethrow(`${key}/${name}`))
      return path
    },
    delete: async (key) => rm(pathOf(key), { recursive: true, force: true, maxRetries: 10, retryDelay: 5 }), // ms
    async check() {
      await mkdir(root, { recursive: true })
      await access(root, constants.R_OK | constants.W_OK)
    },
  }
}

/** What is deleted meanwhile is not there. */
async function* walk(path: string, key: string): AsyncGenerator<Stored> {
  for (const entry of (await readdir(path, { withFileTypes: true }).catch(orNothing)) ?? []) {
    const [at, name] = [join(path, entry.name), `${key}/${entry.name}`]
    if (entry.isDirectory()) yield* walk(at, name)
    const found = entry.isFile() ? await stat(at).catch(orNothing) : undefined
    // The time of the last change of any kind: a link to an old file has the times of that file but this one.
    if (found) yield { key: name, bytes: found.size, since: found.ctime }
  }
}

/** Passes the content on, and has the disk write what has come so far, so that there is little to wait for at the end. */
async function* flushing(content: Bytes, file: FileHandle): AsyncGenerator<Uint8Array> {
  let flushing: Promise<unknown> | undefined
  let waiting = 0
  try {
    for await (const chunk of content) {
      yield chunk
      waiting += chunk.length
      if (waiting < flushBytes || flushing) continue
      waiting = 0
      flushing = file
        .datasync()
        .catch(() => {}) // the stream's own flush, at the end, tells
        .then(() => {
          flushing = undefined
        })
    }
  } finally {
    await flushing
  }
}

/** Has the file, or the names in the directory, on the disk itself; one deleted meanwhile has none to keep. */
async function flush(path: string): Promise<void> {
  const file = await open(path).catch(orNothing)
  try {
    await file?.sync()
  } finally {
    await file?.close()
  }
}

/** Takes a file that is not there as none. */
function orNothing(error: NodeJS.ErrnoException): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes(error.code ?? '')) throw error
}

/** Copies where a file cannot be linked: to another file system, or as another user. */
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
