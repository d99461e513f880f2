import type { DatasetFileName } from '../../contract/dataset.ts'
import { ApiError } from '../../contract/errors.ts'
import { datasetKey } from '../../corpus/make-dataset.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { ConvertDeps } from './app.ts'
import { findDataset } from './find-dataset.ts'

/** One of a dataset's files as a stream. @throws ApiError when there is no such dataset, or it has no files */
export async function openDatasetFile(
  deps: ConvertDeps & InProject,
  id: string,
  name: DatasetFileName,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const dataset = await findDataset(deps, id)
  if (dataset.status !== 'ready')
    throw new ApiError('conflict', `dataset ${id} is ${dataset.status}: it has no files`, { param: 'id' })
  return deps.store.get(datasetKey(dataset.id, name))
}
