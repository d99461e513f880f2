import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BaseModelFile } from '../../contract/base-model.ts'
import { ApiError } from '../../contract/errors.ts'
import { checkBase } from '../../engine/index.ts'
import type { Store } from '../../infra/store/store.ts'
import { neededFiles } from './needed-files.ts'

/**
 * Puts the model in a directory of this machine into the store, without copying where files can be linked.
 * @throws ApiError when the directory is none, or holds no model that can be run
 */
export async function addDirectory(store: Store, path: string, objectKey: string): Promise<BaseModelFile[]> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    const message = `path: cannot read ${path}: ${error.code === 'ENOENT' ? 'no such directory' : error.code}`
    throw new ApiError('invalid_value', message, { param: 'path', cause: error })
  })
  try {
    checkBase(path)
  } catch (error) {
    const message = `path: ${(error as Error).message}`
    throw new ApiError('invalid_value', message, { param: 'path', cause: error })
  }
  const files: BaseModelFile[] = []
  try {
    for (const name of neededFiles(names)) {
      const file = await realpath(join(path, name)) // a hub's own cache is made of links
      const hash = createHash('sha256')
      await pipeline(createReadStream(file), hash)
      await store.adopt(`${objectKey}/${name}`, file)
      files.push({ name, bytes: (await stat(file)).size, sha256: hash.digest('hex') })
    }
    return files
  } catch (error) {
    await store.delete(objectKey)
    throw error
  }
}
