import { bigint, index, integer, pgTable, text } from 'drizzle-orm/pg-core'
import type { FilePurpose } from '../../../contract/file.ts'
import type { Id } from '../../../contract/ids.ts'
import type { UploadStatus } from '../../../contract/upload.ts'
import { project } from './projects.ts'
import { createdAt, moment } from './time.ts'

/** Files on their way in parts. A row moves from `pending` to its end by compare-and-set. */
export const uploads = pgTable('uploads', {
  id: text('id').$type<Id<'upload'>>().primaryKey(),
  project: project(),
  filename: text('filename').notNull(),
  purpose: text('purpose').$type<FilePurpose>().notNull(),
  /** What its parts have together once they are all there. */
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  mimeType: text('mime_type').notNull(),
  status: text('status').$type<UploadStatus>().notNull().default('pending'),
  /** How often it was begun to be completed; a request whose attempt is not the last has lost it. */
  attempt: integer('attempt').notNull().default(0),
  /** When the request that completes it counts as dead; null or past: none does. */
  leaseUntil: moment('lease_until'),
  /** What it has become; null: it is not completed. */
  fileId: text('file_id').$type<Id<'file'>>(),
  /** How long its file stays, in seconds; null: until it is deleted. */
  fileSeconds: integer('file_seconds'),
  createdAt: createdAt(),
  expiresAt: moment('expires_at').notNull(),
})

/** Parts of pending uploads; each lies in the store under `uploads/<upload>/<part>`. */
export const uploadParts = pgTable(
  'upload_parts',
  {
    id: text('id').$type<Id<'part'>>().primaryKey(),
    uploadId: text('upload_id')
      .$type<Id<'upload'>>()
      .notNull()
      .references(() => uploads.id, { onDelete: 'cascade' }),
    bytes: integer('bytes').notNull(),
    createdAt: createdAt(),
  },
  (table) => [index('upload_parts_by_upload').on(table.uploadId)],
)
