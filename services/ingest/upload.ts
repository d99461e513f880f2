/** An upload's row, and whether it can still be used. */
import { and, eq, getTableColumns, gt, type SQL, sql } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { Upload } from '../../contract/upload.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { Transaction } from '../../infra/db/client.ts'
import { isFree } from '../../infra/db/lease.ts'
import { unixSeconds, uploads } from '../../infra/db/tables/index.ts'
import type { IngestDeps } from './app.ts'
import { type FileRow, toFile } from './file.ts'

/** Where its parts lie. */
export const uploadKey = (id: Id<'upload'>, part?: Id<'part'>): string =>
  part ? `uploads/${id}/${part}` : `uploads/${id}`

/** The columns, and what only the clock of the database can tell. */
export const uploadColumns = {
  ...getTableColumns(uploads),
  expired: sql<boolean>`${uploads.expiresAt} <= now()`,
  /** Being completed. */
  held: sql<boolean>`not ${isFree(uploads.leaseUntil)}`,
}

export type UploadRow = typeof uploads.$inferSelect & { expired: boolean; held: boolean }

type Where = Pick<IngestDeps, 'db'> & InProject

export const isOwn = (project: Id<'project'>, id: string): SQL | undefined =>
  and(eq(uploads.project, project), eq(uploads.id, id as Id<'upload'>))

/** Of an upload that takes parts, and can be completed and cancelled. */
export const isOpen = (project: Id<'project'>, id: string): SQL | undefined =>
  and(
    isOwn(project, id),
    eq(uploads.status, 'pending'),
    gt(uploads.expiresAt, sql`now()`),
    isFree(uploads.leaseUntil),
  )

/** @throws ApiError when there is none, or it can be used no more */
export async function findOpen({ db, project }: Where, id: string): Promise<UploadRow> {
  const [row] = await db.select(uploadColumns).from(uploads).where(isOwn(project, id))
  return mustBeOpen(row, id)
}

/** The same, and until the end of the transaction it stays as it is. */
export async function lockOpen(tx: Transaction, { project }: InProject, id: string): Promise<UploadRow> {
  const [row] = await tx.select(uploadColumns).from(uploads).where(isOwn(project, id)).for('update')
  return mustBeOpen(row, id)
}

function mustBeOpen(row: UploadRow | undefined, id: string): UploadRow {
  if (!row) throw new ApiError('not_found', `there is no upload ${id}`, { param: 'id' })
  const closed = (state: string) =>
    new ApiError('conflict', `upload ${id} ${state}; make a new one`, { param: 'id' })
  switch (statusOf(row)) {
    case 'completed':
      throw closed('is completed already')
    case 'cancelled':
      throw closed('was cancelled')
    case 'expired':
      throw closed('has expired, an hour after it was made')
    case 'pending':
      if (row.held)
        throw new ApiError('request_in_progress', `upload ${id} is being completed by another request`)
      return row
  }
}

const statusOf = ({ status, expired }: UploadRow) => (status === 'pending' && expired ? 'expired' : status)

export const toUpload = (row: UploadRow, file?: FileRow): Upload => ({
  id: row.id,
  object: 'upload',
  created_at: unixSeconds(row.createdAt),
  expires_at: unixSeconds(row.expiresAt),
  filename: row.filename,
  purpose: row.purpose,
  bytes: row.bytes,
  status: statusOf(row),
  file: file ? toFile(file) : null,
})
