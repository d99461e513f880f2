/** Base models: pulled from a hub, added from a directory of the server's, or shipped. */
import { z } from 'zod'

/** `name` or `organisation/name`, as hubs call models; each part starts with a letter, digit or underscore. */
export const BaseModelId = z
  .string()
  .max(200)
  .regex(/^\w[\w.-]*(\/\w[\w.-]*)?$/, 'expected a name such as THUDM/chatglm3-6b')

export const BaseModelRequest = z
  .strictObject({
    /** A repository of the hub. */
    source: BaseModelId.optional(),
    /** A branch, tag or commit of it; the main branch when absent. */
    revision: z
      .string()
      .regex(/^[\w./-]{1,200}$/, 'expected a branch, tag or commit')
      .optional(),
    /** Another hub than the server's own, HF_ENDPOINT. */
    endpoint: z.url({ protocol: /^https?$/ }).optional(),
    /** Or a directory on the server's machine, absolute. */
    path: z.string().regex(/^\//, 'expected an absolute path on the server').optional(),
    /** What to call it; the repository's or the directory's name when absent. */
    id: BaseModelId.optional(),
  })
  .refine(({ source, path }) => (source === undefined) !== (path === undefined), {
    path: ['source'],
    message: 'give either source, a repository, or path, a directory',
  })
  .refine(({ path, revision, endpoint }) => path === undefined || !(revision ?? endpoint), {
    path: ['path'],
    message: 'a directory has no revision and no endpoint',
  })
  .meta({ id: 'BaseModelRequest' })
export type BaseModelRequest = z.infer<typeof BaseModelRequest>

export const BaseModelFile = z.object({ name: z.string(), bytes: z.int(), sha256: z.string().nullable() })
export type BaseModelFile = z.infer<typeof BaseModelFile>

export const BaseModelStatus = z.enum(['downloading', 'ready', 'failed'])
export type BaseModelStatus = z.infer<typeof BaseModelStatus>

export const BaseModel = z
  .object({
    id: z.string(),
    object: z.literal('base_model'),
    created_at: z.int(),
    status: BaseModelStatus,
    origin: z.enum(['hub', 'path', 'shipped']),
    source: z.string().nullable(),
    revision: z.string().nullable(),
    /** The commit that the files are of. */
    commit: z.string().nullable(),
    /** What there is to have, and what is there already. */
    bytes: z.int(),
    bytes_done: z.int(),
    /** Known from the moment when the hub has listed them. */
    files: z.array(BaseModelFile),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'BaseModel' })
export type BaseModel = z.infer<typeof BaseModel>

export const BaseModelDeleted = z
  .object({ id: z.string(), object: z.literal('base_model'), deleted: z.literal(true) })
  .meta({ id: 'BaseModelDeleted' })
export type BaseModelDeleted = z.infer<typeof BaseModelDeleted>
