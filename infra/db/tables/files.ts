import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'
import type { FileObject, FilePurpose, TextEncoding } from '../../../contract/file.ts'
import type { Id } from '../../../contract/ids.ts'
import { project } from './projects.ts'
import { createdAt } from './time.ts'
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
  },
  (table) => [index('files_by_age').on(table.project, table.createdAt)],
)
