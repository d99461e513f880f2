import { eq } from 'drizzle-orm'
import type { InProject } from '../../infra/access/caller.ts'
import { files } from '../../infra/db/tables/index.ts'
import type { IngestDeps } from './app.ts'
import { findFile } from './file.ts'

/** Deletes a file; what was made of it stays. @throws ApiError when there is none */
export async function deleteFile(deps: IngestDeps & InProject, id: string): Promise<void> {
  const file = await findFile(deps, id)
  await deps.db.delete(files).where(eq(files.id, file.id))
  await deps.store.delete(file.objectKey)
}
