import { and, eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { DatasetRow } from '../../corpus/make-dataset.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { datasets } from '../../infra/db/tables/index.ts'
import type { ConvertDeps } from './app.ts'

/** @throws ApiError when there is none */
export async function findDataset(
  { db, project }: Pick<ConvertDeps, 'db'> & InProject,
  id: string,
): Promise<DatasetRow> {
  const [row] = await db
    .select()
    .from(datasets)
    .where(and(eq(datasets.project, project), eq(datasets.id, id as Id<'dataset'>)))
  if (!row) throw new ApiError('not_found', `there is no dataset ${id}`, { param: 'id' })
  return row
}
