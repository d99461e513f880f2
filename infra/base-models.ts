/** The base models on this machine: directories in the layout of Hugging Face, one below another directory. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export type BaseModel = {
  /** The directory's name. */
  id: string
  directory: string
  /** Unix time in seconds of its config.json. */
  created: number
}

export type BaseModels = {
  list(): Promise<BaseModel[]>
  /** Undefined: there is no such base model. */
  find(id: string): Promise<BaseModel | undefined>
}

/** The models below `root`: each directory with a config.json. They are looked up anew each time. */
export function baseModels(root: string): BaseModels {
  async function list(): Promise<BaseModel[]> {
    const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    const models = await Promise.all(names.sort().map((name) => modelAt(root, name)))
    return models.filter((model) => model !== undefined)
  }
  return {
    list,
    // Found in the list, never by a path made of the id: an id comes from the outside.
    find: async (id) => (await list()).find((model) => model.id === id),
  }
}

async function modelAt(root: string, id: string): Promise<BaseModel | undefined> {
  const directory = join(root, id)
  const config = await stat(join(directory, 'config.json')).catch(() => undefined)
  return config?.isFile() ? { id, directory, created: Math.floor(config.mtimeMs / 1000) } : undefined
}
