import { ApiError } from '../../contract/errors.ts'
import type { WeightForm, WeightForms } from '../../contract/weights.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { ObjectNotFound, type Store } from '../../infra/store/store.ts'
import { buildsOn } from '../../infra/traces/spans.ts'
import { adapterRow } from './model.ts'

/** The directories that the engine reads a model from, the version of the adapter, and the form of the base's weights. */
export type ModelFiles = { base: string; adapter?: string; adapterHash?: string; form?: WeightForm }

export type ModelDeps = InProject & { db: Database; bases: BaseModels; store: Store; weights?: WeightForms }

/**
 * Where the engine finds the model `id`.
 * @throws ApiError when there is no such model
 */
export async function openModel(deps: ModelDeps, id: string): Promise<ModelFiles> {
  const { bases, store, weights } = deps
  const formOf = (name: string) => weights?.named.get(name) ?? weights?.others
  const base = await bases.find(id)
  if (base) return { base: await base.directory(), form: formOf(id) }
  // Asked for each time, also when the engine has read the adapter: another process may have deleted the model.
  const row = await adapterRow(deps, id)
  buildsOn(row.trace)
  // All weights of a base are a base of their own, which the engine keeps open.
  const stays = row.peftType === 'FULL'
  const adapter = await store.directory(row.objectKey, { stays }).catch(async (error: unknown) => {
    if (!(error instanceof ObjectNotFound)) throw error
    await adapterRow(deps, id) // it may have been deleted between the two look-ups
    const message = `the files of "${id}" were lost from storage; bring them back, or delete the model`
    throw new ApiError('model_not_found', message, { param: 'model', cause: error })
  })
  // It has the form of its base where it is not named itself.
  if (row.peftType === 'FULL') return { base: adapter, form: formOf(weights?.named.has(id) ? id : row.base) }
  const below = await bases.find(row.base)
  if (!below) {
    const message = `"${id}" was tuned on "${row.base}", which is not among the base models any more`
    throw new ApiError('model_not_found', message, { param: 'model' })
  }
  const adapterHash = row.hash ?? undefined
  return { base: await below.directory(), adapter, adapterHash, form: formOf(row.base) }
}
