/** The base models that can be used: directories in the layout of Hugging Face. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { and, asc, eq } from 'drizzle-orm'
import type { Database } from './db/client.ts'
import { baseModelTable, unixSeconds } from './db/tables/index.ts'
import type { Store } from './store/store.ts'

export type BaseModel = {
  /** The directory's name, or what it was called when it was pulled or added. */
  id: string
  /** Where its files can be read; a store that is far away fetches them first. */
  directory(): Promise<string>
  /** Unix time in seconds. */
  created: number
}

export type BaseModels = {
  list(): Promise<BaseModel[]>
  /** Undefined: there is no such base model, or it is not whole yet. */
  find(id: string): Promise<BaseModel | undefined>
}

/** Those below `root`, which is only read, and those in the store; of two with one name, the one below `root`. */
export function baseModels(root: string, { db, store }: { db: Database; store: Store }): BaseModels {
  const shipped = directoriesOf(root)
  const ready = eq(baseModelTable.status, 'ready')
  const stored = (row: typeof baseModelTable.$inferSelect): BaseModel => ({
    id: row.id,
    directory: () => store.directory(row.objectKey, { stays: true }), // the engine keeps it open
    created: unixSeconds(row.createdAt),
  })
  return {
    async list() {
      const own = await shipped.list()
      const rows = await db.select().from(baseModelTable).where(ready).orderBy(asc(baseModelTable.id))
      const others = rows.filter(({ id }) => own.every((model) => model.id !== id))
      return [...own, ...others.map(stored)]
    },
    async find(id) {
      const own = await shipped.find(id)
      if (own) return own
      const [row] = await db
        .select()
        .from(baseModelTable)
        .where(and(ready, eq(baseModelTable.id, id)))
      return row && stored(row)
    },
  }
}

/** The models below `root`: each directory with a config.json. They are looked up anew each time. */
export function directoriesOf(root: string): BaseModels {
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
  return config?.isFile()
    ? { id, directory: async () => directory, created: Math.floor(config.mtimeMs / 1000) }
    : undefined
}
