import { z } from 'zod'
import { idOf } from './ids.ts'

/** What a file may be uploaded for; the names are OpenAI's. */
export const FilePurpose = z.enum([
  'fine-tune',
  'fine-tune-results',
  'assistants',
  'batch',
  'user_data',
  'evals',
])
export type FilePurpose = z.infer<typeof FilePurpose>

/** The encodings that text corpora come in; a byte-order mark is no part of the name. */
export const TextEncoding = z.enum(['utf-8', 'utf-16le', 'utf-16be', 'gb18030'])
export type TextEncoding = z.infer<typeof TextEncoding>

/** When a file goes by itself. */
export const ExpiresAfter = z
  .strictObject({
    anchor: z.literal('created_at'),
    /** From an hour to 30 days. */
    seconds: z.int().min(3600).max(2_592_000),
  })
  .meta({ id: 'ExpiresAfter' })
export type ExpiresAfter = z.infer<typeof ExpiresAfter>

export const FileObject = z
  .object({
    id: idOf('file'),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    expires_at: z.int().nullable(),
    filename: z.string(),
    purpose: FilePurpose,
    status: z.enum(['uploaded', 'processed', 'error']),
    sha256: z.string(),
    /** null: no text in an encoding we know. */
    encoding: TextEncoding.nullable(),
  })
  .meta({ id: 'File' })
export type FileObject = z.infer<typeof FileObject>

export const FileDeleted = z
  .object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })
  .meta({ id: 'FileDeleted' })
export type FileDeleted = z.infer<typeof FileDeleted>
