import { asc } from 'drizzle-orm'
import type { BaseModel } from '../../contract/base-model.ts'
import { baseModelTable } from '../../infra/db/tables/index.ts'
import type { ModelsDeps } from './app.ts'
import { findRow, shippedObject, toBaseModel, unknownBase } from './base-model.ts'

type Deps = Pick<ModelsDeps, 'db' | 'shipped'>

/** Those that ship with the server, then those that were pulled or added, whole or not, by name. */
export async function listBaseModels({ db, shipped }: Deps): Promise<BaseModel[]> {
  const rows = await db.select().from(baseModelTable).orderBy(asc(baseModelTable.id))
  return [...(await shipped.list()).map(shippedObject), ...rows.map(toBaseModel)]
}

/** @throws ApiError when there is none */
export async function getBaseModel({ db, shipped }: Deps, id: string): Promise<BaseModel> {
  const own = await shipped.find(id)
  if (own) return shippedObject(own)
  const row = await findRow(db, id)
  if (!row) throw unknownBase(id)
  return toBaseModel(row)
}
