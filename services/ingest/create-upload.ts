import { sql } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import { newId } from '../../contract/ids.ts'
import type { UploadRequest } from '../../contract/upload.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { uploads } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import type { IngestDeps } from './app.ts'
import { toUpload, type UploadRow, uploadColumns } from './upload.ts'

/** Makes an upload, which takes parts for an hour. @throws ApiError when its file would be too large */
export async function createUpload(
  { db, project, maxUploadBytes, keep }: IngestDeps & InProject & { keep: Keep },
  { filename, purpose, bytes, mime_type, expires_after }: UploadRequest,
): Promise<UploadRow> {
  if (bytes > maxUploadBytes) {
    const message = `bytes: ${bytes} are more than the ${maxUploadBytes} that this server takes (MAX_UPLOAD_BYTES)`
    throw new ApiError('file_too_large', message, { param: 'bytes' })
  }
  const row = { id: newId('upload'), project, filename, purpose, bytes, mimeType: mime_type }
  return db.transaction(async (tx) => {
    const [made] = await tx
      .insert(uploads)
      .values({ ...row, fileSeconds: expires_after?.seconds, expiresAt: sql`now() + interval '1 hour'` })
      .returning(uploadColumns)
    await keep(tx, toUpload(made!))
    return made!
  })
}
