import { eq } from 'drizzle-orm'
import { datasetKey } from '../../corpus/make-dataset.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { datasets } from '../../infra/db/tables/index.ts'
import type { ConvertDeps } from './app.ts'
import { findDataset } from './find-dataset.ts'

/** Deletes a dataset and its files; the file it was made of stays. @throws ApiError when there is none */
export async function deleteDataset(deps: ConvertDeps & InProject, id: string): Promise<void> {
  const dataset = await findDataset(deps, id)
  await deps.db.delete(datasets).where(eq(datasets.id, dataset.id))
  await deps.store.delete(datasetKey(dataset.id))
}
