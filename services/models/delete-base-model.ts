import { rm } from 'node:fs/promises'
import { and, count, eq, inArray, ne } from 'drizzle-orm'
import type { BaseModelDeleted } from '../../contract/base-model.ts'
import { ApiError } from '../../contract/errors.ts'
import { adapters, baseModelTable, jobs } from '../../infra/db/tables/index.ts'
import type { ModelsDeps } from './app.ts'
import { findRow, unknownBase } from './base-model.ts'
import { partsOf } from './pull-model.ts'

/**
 * Deletes a base model, or what there is of it. A pull in progress notices and stops.
 * @throws ApiError when it ships with the server, or, unless `force`, when jobs or adapters need it
 */
export async function deleteBaseModel(
  { db, store, shipped, downloads }: ModelsDeps,
  id: string,
  force: boolean,
): Promise<BaseModelDeleted> {
  if (await shipped.find(id))
    throw new ApiError('unsupported_value', `"${id}" ships with the server and cannot be deleted`, {
      param: 'id',
    })
  const row = await findRow(db, id)
  if (!row) throw unknownBase(id)
  if (!force) {
    const unfinished = inArray(jobs.status, ['validating_files', 'queued', 'running', 'paused'])
    const [waiting] = await db
      .select({ n: count() })
      .from(jobs)
      .where(and(eq(jobs.model, id), unfinished))
    const needing = and(eq(adapters.base, id), ne(adapters.peftType, 'FULL'))
    const [tuned] = await db.select({ n: count() }).from(adapters).where(needing)
    if (waiting!.n + tuned!.n > 0)
      throw new ApiError(
        'conflict',
        `"${id}" is needed by ${waiting!.n} unfinished jobs and ${tuned!.n} tuned models; delete them first, or use force=true`,
        { param: 'id' },
      )
  }
  // The row first: from then on nothing begins to use the files.
  await db.delete(baseModelTable).where(eq(baseModelTable.id, id))
  await store.delete(row.objectKey)
  await rm(partsOf(downloads, row), { recursive: true, force: true })
  return { id, object: 'base_model', deleted: true }
}
