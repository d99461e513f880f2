import { and, eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { ModelDeleted } from '../../contract/model.ts'
import type { EngineThread } from '../../engine/index.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { residentOf } from './adapter.ts'
import { unknownModel } from './model.ts'
import type { ModelDeps } from './open-model.ts'

type Deps = ModelDeps & { engine: Pick<EngineThread, 'adapters'> }

/**
 * Deletes a tuned model: its row, its files in storage, and what the engine has of it in memory. Answers that are
 * being written are written to their end, with the adapter as it was.
 */
export async function deleteModel(
  { db, project, store, bases, engine }: Deps,
  id: string,
): Promise<ModelDeleted> {
  if (await bases.find(id)) {
    const message = `"${id}" is a base model; only tuned models (ft:…) can be deleted`
    throw new ApiError('unsupported_value', message, { param: 'model' })
  }
  // The row first: from then on no request begins to use the files.
  const own = and(eq(adapters.project, project), eq(adapters.model, id))
  const [row] = await db.delete(adapters).where(own).returning()
  if (!row) throw unknownModel(id)
  // An engine that has died has nothing in memory.
  const residents = await engine.adapters.list().catch(() => [])
  const resident = await residentOf(store, row, residents)
  await store.delete(row.objectKey)
  // No request finds it any more.
  if (resident) await engine.adapters.drop(resident.adapter).catch(() => {})
  return { id, object: 'model', deleted: true }
}
