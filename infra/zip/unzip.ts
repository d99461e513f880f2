import { createWriteStream, openAsBlob } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { BlobReader, type Entry, type FileEntry, ZipReader } from '@zip.js/zip.js'
import { ApiError } from '../../contract/errors.ts'

export type UnzipLimits = {
  /** File names to take; any directory path before them must be one directory that holds everything. */
  names: readonly string[]
  /** File names that may be there and are left out. */
  ignored?: readonly string[]
  /** Of all files together, unpacked. */
  maxBytes: number
}

const maxEntries = 100

/**
 * Unpacks a zip file from outside into `directory`, which must exist, and answers the names of the files. What the zip
 * says of itself is checked before anything is unpacked, and is not trusted afterwards: bytes are counted and
 * checksums compared.
 * @throws ApiError when the zip is damaged, ambiguous or encrypted, has links, two files of one name, other files than
 * those asked for, or more bytes than allowed; some files may have been written by then
 */
export async function unzip(file: string, directory: string, limits: UnzipLimits): Promise<string[]> {
  const zip = new ZipReader(new BlobReader(await openAsBlob(file)), {
    strictness: 'strict', // no entry that two readers could read differently, no name that leaves its directory
    checkCrc32: true,
    checkOverlappingEntry: true,
    useWebWorkers: false,
  })
  let reading: string | undefined
  try {
    const entries = checked(await zip.getEntries(), limits)
    let left = limits.maxBytes
    for (const [name, entry] of entries) {
      reading = name
      const counted = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          left -= chunk.length
          if (left < 0) throw tooLarge(limits)
          controller.enqueue(chunk)
        },
      })
      const target = Writable.toWeb(createWriteStream(join(directory, name), { flags: 'wx' }))
      await Promise.all([counted.readable.pipeTo(target), entry.getData(counted.writable)])
    }
    return [...entries.keys()]
  } catch (error) {
    throw asRefusal(error, reading)
  } finally {
    await zip.close()
  }
}

/** The files to unpack, by name, once the table of contents is as it should be. */
function checked(all: Entry[], limits: UnzipLimits): Map<string, FileEntry> {
  if (all.length > maxEntries)
    throw refusal(`it has ${all.length} entries, more than the limit of ${maxEntries}`)
  const files = all.filter((entry): entry is FileEntry => !entry.directory)
  const root = commonDirectory(files.map(({ filename }) => filename))
  const taken = new Map<string, FileEntry>()
  let bytes = 0
  for (const entry of files) {
    const { filename } = entry
    if (entry.symlink) throw refusal(`"${filename}" is a symbolic link`)
    if (entry.encrypted) throw refusal(`"${filename}" is encrypted`)
    const name = filename.slice(root.length)
    if (limits.ignored?.includes(name)) continue
    if (!limits.names.includes(name))
      throw refusal(`"${filename}" does not belong there; expected ${limits.names.join(', ')}`)
    bytes += entry.uncompressedSize
    if (bytes > limits.maxBytes) throw tooLarge(limits)
    taken.set(name, entry)
  }
  return taken
}

/** The one directory that holds all files, with its slash; empty when there is none. */
function commonDirectory([first, ...others]: string[]): string {
  const root = first?.slice(0, first.indexOf('/') + 1) ?? ''
  return others.every((name) => name.startsWith(root)) ? root : ''
}

const refusal = (problem: string, cause?: unknown) =>
  new ApiError('invalid_file', `the zip cannot be used: ${problem}`, { param: 'file', cause })

const tooLarge = ({ maxBytes }: UnzipLimits) =>
  new ApiError('file_too_large', `the zip holds more than the ${maxBytes} bytes that this server takes`, {
    param: 'file',
  })

/** What the library says of a bad zip is the caller's business; a failure of this machine's disk is not. */
function asRefusal(error: unknown, reading?: string): unknown {
  if (error instanceof ApiError || !(error instanceof Error) || 'code' in error) return error
  const { message, reason, filename = reading } = error as Error & { reason?: string; filename?: string }
  const what = reason ? `${message}, ${reason}` : message
  return refusal(filename ? `"${filename}": ${what}` : what, error)
}
