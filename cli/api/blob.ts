import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ApiError } from './api.ts'

/** The file at `path`, to be read from the disk while it is sent. Throws ApiError when there is none. */
export async function blobOf(path: string): Promise<Blob> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new ApiError(`cannot read ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`)
  })
  if (!found.isFile()) throw new ApiError(`cannot read ${path}: not a file`)
  return openAsBlob(path)
}
