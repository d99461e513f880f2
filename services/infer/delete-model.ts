import { eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { ModelDeleted } from '../../contract/model.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { unknownModel } from './model.ts'
import type { ModelDeps } from './open-model.ts'

/** Deletes a tuned model: its row and its files in storage. */
export async function deleteModel({ db, store, bases }: ModelDeps, id: string): Promise<ModelDeleted> {
  if (await bases.find(id)) {
    const message = `"${id}" is a base model; only tuned models (ft:…) can be deleted`
    throw new ApiError('unsupported_value', message, { param: 'model' })
  }
  // The row first: from then on no request begins to use the files.
  const [row] = await db.delete(adapters).where(eq(adapters.model, id)).returning()
  if (!row) throw unknownModel(id)
  await store.delete(row.objectKey)
  return { id, object: 'model', deleted: true }
}
