import { type SQL, sql } from 'drizzle-orm'
import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'
import type { FileObject, FilePurpose, TextEncoding } from '../../../contract/file.ts'
import type { Id } from '../../../contract/ids.ts'
import { project } from './projects.ts'
import { createdAt, moment } from './time.ts'
import { traceColumn } from './trace.ts'

/** Uploaded files; a deleted file has no row. */
export const files = pgTable(
  'files',
  {
    id: text('id').$type<Id<'file'>>().primaryKey(),
    project: project(),
    filename: text('filename').notNull(),
    purpose: text('purpose').$type<FilePurpose>().notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    sha256: text('sha256').notNull(),
    /** Null: no text in an encoding we know. */
    encoding: text('encoding').$type<TextEncoding>(),
    objectKey: text('object_key').notNull(),
    /** `error`: its content is lost. */
    status: text('status').$type<FileObject['status']>().notNull().default('processed'),
    trace: traceColumn(),
    createdAt: createdAt(),
    /** From then on it is gone for all; null: it stays until it is deleted. */
    expiresAt: moment('expires_at'),
  },
  (table) => [index('files_by_age').on(table.project, table.createdAt)],
)

/** Whether a file is there still: its row may wait for the sweep for some time after it has expired. */
export const notExpired: SQL = sql`(${files.expiresAt} is null or ${files.expiresAt} > now())`
