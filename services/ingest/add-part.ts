import { eq, sum } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import { newId } from '../../contract/ids.ts'
import { maxPartBytes, type UploadPart } from '../../contract/upload.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { unixSeconds, uploadParts } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import { readForm } from '../../infra/http/multipart.ts'
import type { IngestDeps } from './app.ts'
import { findOpen, lockOpen, uploadKey } from './upload.ts'

type PartRow = typeof uploadParts.$inferSelect

/**
 * Takes a part straight into the store. Parts may come in any order, at the same time, and more than will be used.
 * @throws ApiError when the upload takes none, or the form is not as it should be; then nothing is left of it
 */
export async function addPart(
  deps: IngestDeps & InProject & { keep: Keep },
  uploadId: string,
  request: Request,
): Promise<PartRow> {
  const upload = await findOpen(deps, uploadId)
  const id = newId('part')
  const key = uploadKey(upload.id, id)
  try {
    const bytes = await receive(deps, key, request)
    return await deps.db.transaction(async (tx) => {
      await lockOpen(tx, deps, uploadId)
      const [part] = await tx.insert(uploadParts).values({ id, uploadId: upload.id, bytes }).returning()
      const [all] = await tx
        .select({ bytes: sum(uploadParts.bytes).mapWith(Number) })
        .from(uploadParts)
        .where(eq(uploadParts.uploadId, upload.id))
      if (all!.bytes! > deps.maxUploadBytes) {
        const message = `the parts have more than the ${deps.maxUploadBytes} bytes together that an upload may have (MAX_UPLOAD_BYTES)`
        throw new ApiError('file_too_large', message, { param: 'data' })
      }
      await deps.keep(tx, toPart(part!))
      return part!
    })
  } catch (error) {
    // Else its row may have been written all the same; the sweep will know.
    if (error instanceof ApiError) await deps.store.delete(key)
    throw error
  }
}

async function receive(deps: IngestDeps, key: string, request: Request): Promise<number> {
  const tooLarge = `the part is larger than ${maxPartBytes} bytes, the most that a part may have`
  const limits = { part: 'data', maxBytes: maxPartBytes, tooLarge, maxFiles: 1 }
  let bytes = 0
  const { fields } = await readForm(request, limits, async (content) => {
    bytes = (await deps.store.put(key, content)).bytes
  })
  const unknown = [...fields.keys()].find((name) => name !== 'data')
  if (unknown !== undefined)
    throw new ApiError('invalid_value', `${unknown}: there is no such field`, { param: unknown })
  if (bytes > 0) return bytes
  throw new ApiError('invalid_value', 'data: the form has no file of this name that is not empty', {
    param: 'data',
  })
}

export const toPart = ({ id, uploadId, createdAt }: PartRow): UploadPart => ({
  id,
  object: 'upload.part',
  created_at: unixSeconds(createdAt),
  upload_id: uploadId,
})
