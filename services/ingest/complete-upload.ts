import { and, eq, sql } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import { type Id, newId } from '../../contract/ids.ts'
import type { CompleteRequest } from '../../contract/upload.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { leaseFor, leaseMs } from '../../infra/db/lease.ts'
import { files, notExpired, uploadParts, uploads } from '../../infra/db/tables/index.ts'
import { ObjectNotFound } from '../../infra/store/store.ts'
import { tell, tracePlace } from '../../infra/traces/spans.ts'
import type { IngestDeps } from './app.ts'
import { expiryOf, type FileRow } from './file.ts'
import { Inspection } from './inspect.ts'
import { findOpen, isOpen, isOwn, type UploadRow, uploadColumns, uploadKey } from './upload.ts'

type Deps = IngestDeps & InProject
type Part = typeof uploadParts.$inferSelect
type Completed = { upload: UploadRow; file: FileRow }

/**
 * Makes one file of an upload's parts. One request at a time does so, and holds the upload by a lease: should its process
 * die, the next one begins anew. One that comes after it is done is answered with what it has become: its client may not
 * have heard of that.
 * @throws ApiError when the upload can be used no more, or its parts are not what was announced; it may be tried again then
 */
export async function completeUpload(deps: Deps, id: string, request: CompleteRequest): Promise<Completed> {
  const upload = await claim(deps, id)
  if (!upload) return completedBefore(deps, id)
  const renewal = setInterval(() => void hold(deps, upload, leaseMs).catch(() => {}), leaseMs / 3)
  let completed: Completed
  try {
    completed = await complete(deps, upload, request)
  } catch (error) {
    throw (await hold(deps, upload, 0)) ? error : takenOver(upload)
  } finally {
    clearInterval(renewal)
  }
  await deps.store
    .delete(uploadKey(upload.id))
    .catch((error: unknown) => deps.log.warn({ upload: id, err: error }, 'parts are left for the sweep'))
  return completed
}

async function claim(deps: Deps, id: string): Promise<UploadRow | undefined> {
  const [claimed] = await deps.db
    .update(uploads)
    .set({ attempt: sql`${uploads.attempt} + 1`, leaseUntil: leaseFor(leaseMs) })
    .where(isOpen(deps.project, id))
    .returning(uploadColumns)
  return claimed
}

/** @throws ApiError when it is not completed, or its file is there no more */
async function completedBefore(deps: Deps, id: string): Promise<Completed> {
  const [found] = await deps.db
    .select({ upload: uploadColumns, file: files })
    .from(uploads)
    .innerJoin(files, eq(files.id, uploads.fileId))
    .where(and(isOwn(deps.project, id), notExpired))
  if (found) return found
  await findOpen(deps, id) // says why it can be used no more
  throw new ApiError('request_in_progress', `upload ${id} was being completed by another request`)
}

const isOurs = ({ id, attempt }: UploadRow) =>
  and(eq(uploads.id, id), eq(uploads.attempt, attempt), eq(uploads.status, 'pending'))

/** Holds it for so long from now, unless another request has taken it over; 0 lets it go. Answers whether it was ours. */
async function hold({ db }: Deps, upload: UploadRow, ms: number): Promise<boolean> {
  const update = db.update(uploads).set({ leaseUntil: leaseFor(ms) })
  return (await update.where(isOurs(upload)).returning({ id: uploads.id })).length > 0
}

const takenOver = ({ id }: UploadRow) =>
  new ApiError('request_in_progress', `another request has taken over to complete upload ${id}`)

async function complete(deps: Deps, upload: UploadRow, request: CompleteRequest): Promise<Completed> {
  const parts = await partsOf(deps, upload, request.part_ids)
  const fileId = newId('file')
  const objectKey = `files/${fileId}`
  const wanted = request.md5?.toLowerCase()
  const inspection = new Inspection({ md5: wanted !== undefined })
  await deps.store.put(objectKey, inspection.of(contentOf(deps, parts)))
  const { md5, ...found } = inspection.end()
  if (wanted !== md5) {
    await deps.store.delete(objectKey)
    const message = `md5: the parts have ${md5} together, in this order, and not ${wanted}`
    throw new ApiError('invalid_value', message, { param: 'md5' })
  }
  const { project, filename, purpose, bytes, fileSeconds } = upload
  tell({ 'preamble.file.id': fileId, 'preamble.file.bytes': bytes })
  const row = { id: fileId, project, filename, purpose, bytes, objectKey, ...found }
  // Its object stays when this fails, for it may have been done all the same; the sweep will know.
  return deps.db.transaction(async (tx) => {
    const [ended] = await tx
      .update(uploads)
      .set({ status: 'completed', leaseUntil: null, fileId })
      .where(isOurs(upload))
      .returning(uploadColumns)
    if (!ended) throw takenOver(upload)
    await tx.delete(uploadParts).where(eq(uploadParts.uploadId, upload.id))
    const [file] = await tx
      .insert(files)
      .values({ ...row, expiresAt: expiryOf(fileSeconds), trace: tracePlace() })
      .returning()
    return { upload: ended, file: file! }
  })
}

/** The parts in the order asked for. */
async function partsOf({ db }: Deps, { id, bytes }: UploadRow, ids: readonly string[]): Promise<Part[]> {
  const rows = await db.select().from(uploadParts).where(eq(uploadParts.uploadId, id))
  const known = new Map<string, Part>(rows.map((row) => [row.id, row]))
  const seen = new Set<string>()
  const parts = ids.map((partId, i) => {
    const part = known.get(partId)
    const param = `part_ids[${i}]`
    if (!part) throw new ApiError('invalid_value', `${param}: the upload has no part ${partId}`, { param })
    if (seen.has(partId)) throw new ApiError('invalid_value', `${param}: ${partId} is there twice`, { param })
    seen.add(partId)
    return part
  })
  const sum = parts.reduce((total, part) => total + part.bytes, 0)
  if (sum === bytes) return parts
  const message = `part_ids: the parts have ${sum} bytes together, and the upload was made for ${bytes}`
  throw new ApiError('invalid_value', message, { param: 'part_ids' })
}

/** The parts one after the other, a piece at a time. */
async function* contentOf({ store }: Deps, parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  for (const { id, uploadId } of parts)
    yield* await store.get(uploadKey(uploadId, id)).catch((error: unknown) => {
      throw error instanceof ObjectNotFound ? lost(id) : error
    })
}

const lost = (part: Id<'part'>) =>
  new ApiError('not_found', `the content of ${part} was lost; send it again as a new part`, {
    param: 'part_ids',
  })
