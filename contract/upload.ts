/** An upload: a file that comes in parts, which may come at the same time, in OpenAI's words. */
import { z } from 'zod'
import { ExpiresAfter, FileObject, FilePurpose } from './file.ts'
import { idOf } from './ids.ts'
import { orNull } from './or-null.ts'

/** The largest part. */
export const maxPartBytes = 64 * 2 ** 20

export const UploadRequest = z
  .strictObject({
    filename: z.string().min(1),
    purpose: FilePurpose,
    /** Of all parts together. */
    bytes: z.int().min(1),
    mime_type: z.string().min(1),
    /** Of the file that it becomes. */
    expires_after: ExpiresAfter.optional(),
  })
  .meta({ id: 'UploadRequest' })
export type UploadRequest = z.infer<typeof UploadRequest>

export const UploadStatus = z.enum(['pending', 'completed', 'cancelled', 'expired'])
export type UploadStatus = z.infer<typeof UploadStatus>

export const Upload = z
  .object({
    id: idOf('upload'),
    object: z.literal('upload'),
    created_at: z.int(),
    /** Until then parts are taken. */
    expires_at: z.int(),
    filename: z.string(),
    purpose: FilePurpose,
    bytes: z.int(),
    status: UploadStatus,
    /** What a completed upload has become. */
    file: orNull(FileObject),
  })
  .meta({ id: 'Upload' })
export type Upload = z.infer<typeof Upload>

export const UploadPart = z
  .object({
    id: idOf('part'),
    object: z.literal('upload.part'),
    created_at: z.int(),
    upload_id: idOf('upload'),
  })
  .meta({ id: 'UploadPart' })
export type UploadPart = z.infer<typeof UploadPart>

export const CompleteRequest = z
  .strictObject({
    /** In the order in which they make up the file. */
    part_ids: z.array(z.string()).min(1).max(10_000),
    /** Of the whole file, in hexadecimal digits. */
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}$/i, 'expected 32 hexadecimal digits')
      .optional(),
  })
  .meta({ id: 'CompleteUploadRequest' })
export type CompleteRequest = z.infer<typeof CompleteRequest>
