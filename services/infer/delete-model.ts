import { eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { ModelDeleted } from '../../contract/model.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'
import { unknownModel } from './model.ts'
import type { ModelDeps } from './open-model.ts'

/** Deletes a tuned model: its row, its files in storage and their copy here. */
export async function deleteModel(
  { db, store, bases, cache }: ModelDeps & { store: Store },
  id: string,
): Promise<ModelDeleted> {
  if (await bases.find(id)) {
    const message = `"${id}" is a base model; only tuned models (ft:…) can be deleted`
    throw new ApiError('unsupported_value', message, { param: 'model' })
  }
  // The row first: from then on no request begins to use the files.
  const [row] = await db.delete(adapters).where(eq(adapters.model, id)).returning()
  if (!row) throw unknownModel(id)
  await store.delete(row.objectKey)
  await cache.drop(row.objectKey)
  return { id, object: 'model', deleted: true }
}
