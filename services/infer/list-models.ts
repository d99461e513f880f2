import { desc, eq } from 'drizzle-orm'
import type { Model } from '../../contract/model.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { adapterRow, baseObject, tunedObject } from './model.ts'

type Deps = InProject & { db: Database; bases: BaseModels }

/** Base models, then tuned ones, the newest first. */
export async function listModels({ db, project, bases }: Deps): Promise<Model[]> {
  const tuned = await db
    .select()
    .from(adapters)
    .where(eq(adapters.project, project))
    .orderBy(desc(adapters.createdAt))
  return [...(await bases.list()).map(baseObject), ...tuned.map(tunedObject)]
}

/** One model. Throws ApiError when there is no such model. */
export async function getModel(deps: Deps, id: string): Promise<Model> {
  const base = await deps.bases.find(id)
  return base ? baseObject(base) : tunedObject(await adapterRow(deps, id))
}
