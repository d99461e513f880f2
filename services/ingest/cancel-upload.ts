import { eq } from 'drizzle-orm'
import type { InProject } from '../../infra/access/caller.ts'
import { uploadParts, uploads } from '../../infra/db/tables/index.ts'
import type { IngestDeps } from './app.ts'
import { lockOpen, type UploadRow, uploadColumns, uploadKey } from './upload.ts'

/** Ends an upload, and deletes its parts. @throws ApiError when there is none, or it has ended already */
export async function cancelUpload(deps: IngestDeps & InProject, id: string): Promise<UploadRow> {
  const cancelled = await deps.db.transaction(async (tx) => {
    const { id: uploadId } = await lockOpen(tx, deps, id)
    await tx.delete(uploadParts).where(eq(uploadParts.uploadId, uploadId))
    const [row] = await tx
      .update(uploads)
      .set({ status: 'cancelled' })
      .where(eq(uploads.id, uploadId))
      .returning(uploadColumns)
    return row!
  })
  await deps.store.delete(uploadKey(cancelled.id))
  return cancelled
}
