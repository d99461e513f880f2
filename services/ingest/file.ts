import { and, eq, type SQL, sql } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import type { FileObject } from '../../contract/file.ts'
import type { Id } from '../../contract/ids.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { files, notExpired, unixSeconds } from '../../infra/db/tables/index.ts'
import type { IngestDeps } from './app.ts'

export type FileRow = typeof files.$inferSelect

export const toFile = (row: FileRow): FileObject => ({
  id: row.id,
  object: 'file',
  bytes: row.bytes,
  created_at: unixSeconds(row.createdAt),
  expires_at: row.expiresAt && unixSeconds(row.expiresAt),
  filename: row.filename,
  purpose: row.purpose,
  status: row.status,
  sha256: row.sha256,
  encoding: row.encoding,
})

/** When a file expires that is made now and stays for so long; undefined: until it is deleted. */
export const expiryOf = (seconds: number | null | undefined): SQL | undefined =>
  seconds ? sql`now() + ${seconds} * interval '1 second'` : undefined

/** @throws ApiError when there is none */
export async function findFile(
  { db, project }: Pick<IngestDeps, 'db'> & InProject,
  id: string,
): Promise<FileRow> {
  const [row] = await db
    .select()
    .from(files)
    .where(and(eq(files.project, project), eq(files.id, id as Id<'file'>), notExpired))
  if (!row) throw new ApiError('not_found', `there is no file ${id}`, { param: 'id' })
  return row
}

/** @throws ApiError when its content is lost */
export function mustHaveContent({ id, status }: FileRow): void {
  if (status !== 'error') return
  const message = `the content of file ${id} was lost; upload it again`
  throw new ApiError('not_found', message, { param: 'id' })
}
