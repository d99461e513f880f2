/** The base models that a server would find, each with what can be asked of its files. */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asc, ne } from 'drizzle-orm'
import { checkBase } from '../../engine/index.ts'
import { directoriesOf } from '../../infra/base-models.ts'
import type { Config } from '../../infra/config.ts'
import type { Database } from '../../infra/db/client.ts'
import { baseModelTable } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'

export type Base = {
  id: string
  bytes: number
  /** Throws an error that names the file that is missing or wrong, and says what to do. */
  check(): Promise<void>
}

/** Those below MODELS, and those that were pulled or added, where there is a shelf for them. */
export async function findBases(
  { models }: Pick<Config, 'models'>,
  shelf: { db: Database; store: Store } | undefined,
): Promise<Base[]> {
  const shipped = (await directoriesOf(models).list()).map(async ({ id, directory }) => {
    const path = await directory()
    return { id, bytes: await bytesBelow(path), check: async () => checkBase(path) }
  })
  return [...(await Promise.all(shipped)), ...(shelf ? await storedIn(shelf) : [])]
}

async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0
  // A link that leads nowhere has none.
  for (const name of await readdir(directory))
    bytes += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0
  return bytes
}

async function storedIn({ db, store }: { db: Database; store: Store }): Promise<Base[]> {
  // A running server goes on with what is being downloaded.
  const isHere = ne(baseModelTable.status, 'downloading')
  const rows = await db.select().from(baseModelTable).where(isHere).orderBy(asc(baseModelTable.id))
  return rows.map((row) => ({ id: row.id, bytes: row.bytes, check: () => checkStored(store, row) }))
}

type Row = typeof baseModelTable.$inferSelect

/** Its files were checked when they came: whether they are still the same is told by size and hash. */
async function checkStored(store: Store, { status, error, files, objectKey }: Row): Promise<void> {
  const remedy = 'delete the model and get it anew'
  if (status === 'failed') throw new Error(`${error?.message ?? 'it failed'}; pull it again, or delete it`)
  for (const { name, bytes, sha256 } of files) {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of await store.get(`${objectKey}/${name}`)) {
      hash.update(chunk)
      size += chunk.length
    }
    if (size !== bytes) throw new Error(`${name} has ${size} bytes and should have ${bytes}; ${remedy}`)
    if (sha256 && hash.digest('hex') !== sha256)
      throw new Error(`${name} is not what it was, its hash differs; ${remedy}`)
  }
}
