/** What is known of a model, and how the API tells it. */
import { and, eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { Model } from '../../contract/model.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { BaseModel } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { adapters, unixSeconds } from '../../infra/db/tables/index.ts'

type AdapterRow = typeof adapters.$inferSelect

export const baseObject = ({ id, created }: BaseModel): Model => ({
  id,
  object: 'model',
  created,
  owned_by: 'preamble',
})

export const tunedObject = ({ model, createdAt }: AdapterRow): Model => ({
  id: model,
  object: 'model',
  created: unixSeconds(createdAt),
  owned_by: 'user',
})

/** The row of a tuned model. Throws ApiError when there is no such model. */
export async function adapterRow(
  { db, project }: InProject & { db: Database },
  id: string,
): Promise<AdapterRow> {
  const [row] = await db
    .select()
    .from(adapters)
    .where(and(eq(adapters.project, project), eq(adapters.model, id)))
  if (!row) throw unknownModel(id)
  return row
}

export const unknownModel = (id: string) =>
  new ApiError('model_not_found', `there is no model "${id}"; GET /v1/models lists what there is`, {
    param: 'model',
  })
