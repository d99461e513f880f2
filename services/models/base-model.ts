/** A base model's row, how the API tells it, and the one way in which it changes. */
import { and, eq, inArray } from 'drizzle-orm'
import type { BaseModel, BaseModelStatus } from '../../contract/base-model.ts'
import { ApiError } from '../../contract/errors.ts'
import type { BaseModel as Shipped } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { baseModelTable, unixSeconds } from '../../infra/db/tables/index.ts'

export type BaseModelRow = typeof baseModelTable.$inferSelect

export async function findRow(db: Database, id: string): Promise<BaseModelRow | undefined> {
  const [row] = await db.select().from(baseModelTable).where(eq(baseModelTable.id, id))
  return row
}

/** Where a row must be for a change to happen; `held`: only for the worker that took this pull, and not again since. */
export type Expected = {
  id: string
  status: readonly BaseModelStatus[]
  held?: Pick<BaseModelRow, 'objectKey' | 'attempt'>
}

/** Undefined, and nothing changed: it is not where it is expected, another worker's, or deleted. */
export async function advance(
  db: Database,
  { id, status, held }: Expected,
  patch: Partial<BaseModelRow>,
): Promise<BaseModelRow | undefined> {
  const { objectKey, attempt } = baseModelTable
  const expected = and(
    eq(baseModelTable.id, id),
    inArray(baseModelTable.status, [...status]),
    // The key tells it from a model that was deleted and pulled anew under its name.
    held && and(eq(objectKey, held.objectKey), eq(attempt, held.attempt)),
  )
  const [row] = await db.update(baseModelTable).set(patch).where(expected).returning()
  return row
}

export const toBaseModel = (row: BaseModelRow): BaseModel => ({
  id: row.id,
  object: 'base_model',
  created_at: unixSeconds(row.createdAt),
  status: row.status,
  origin: row.origin,
  source: row.source,
  revision: row.revision,
  commit: row.commit,
  bytes: row.bytes,
  bytes_done: row.bytesDone,
  files: row.files,
  error: row.error,
})

/** A model of the server's own directory, which is only read: nothing is known of its files. */
export const shippedObject = ({ id, created }: Shipped): BaseModel => ({
  id,
  object: 'base_model',
  created_at: created,
  status: 'ready',
  origin: 'shipped',
  source: null,
  revision: null,
  commit: null,
  bytes: 0,
  bytes_done: 0,
  files: [],
  error: null,
})

export const unknownBase = (id: string) =>
  new ApiError('model_not_found', `there is no base model "${id}"; GET /v1/base_models lists what there is`, {
    param: 'id',
  })
