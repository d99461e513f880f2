import type { PgInsertValue } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { ApiError } from '../../contract/errors.ts'
import { ExpiresAfter, FilePurpose } from '../../contract/file.ts'
import { newId } from '../../contract/ids.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { files } from '../../infra/db/tables/index.ts'
import { fromZod } from '../../infra/http/errors.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import { readForm } from '../../infra/http/multipart.ts'
import { announce } from '../../infra/outbox.ts'
import { tell, tracePlace } from '../../infra/traces/spans.ts'
import type { IngestDeps } from './app.ts'
import { expiryOf, type FileRow, toFile } from './file.ts'
import { Inspection } from './inspect.ts'

const Fields = z.strictObject({ purpose: FilePurpose, expires_after: ExpiresAfter.optional() })

/**
 * Takes an upload straight into the store, hashing it and finding its encoding on the way.
 * @throws ApiError when the form is not as it should be; then neither row nor object is left, and webhooks are told
 */
export async function uploadFile(
  deps: IngestDeps & InProject & { keep: Keep },
  request: Request,
): Promise<FileRow> {
  const id = newId('file')
  const objectKey = `files/${id}`
  const inspection = new Inspection()
  const { maxFileBytes: maxBytes, project } = deps
  const tooLarge = `the file is larger than the ${maxBytes} bytes that this server takes at once (MAX_FILE_BYTES); /v1/uploads takes larger ones in parts`
  let bytes = 0
  let row: PgInsertValue<typeof files>
  try {
    const limits = { part: 'file', maxBytes, tooLarge, maxFiles: 1 }
    const form = await readForm(request, limits, async (content) => {
      bytes = (await deps.store.put(objectKey, inspection.of(content))).bytes
    })
    const [filename] = form.filenames
    if (!filename)
      throw new ApiError('invalid_value', 'file: the form has no file with a name', { param: 'file' })
    if (bytes === 0) throw new ApiError('invalid_value', `file: ${filename} is empty`, { param: 'file' })
    const fields = Fields.safeParse(nested(form.fields))
    if (!fields.success) throw fromZod(fields.error)
    const { purpose, expires_after } = fields.data
    const { sha256, encoding } = inspection.end()
    const expiresAt = expiryOf(expires_after?.seconds)
    row = { id, project, filename, purpose, bytes, objectKey, sha256, encoding, expiresAt }
    tell({ 'preamble.file.id': id, 'preamble.file.bytes': bytes })
  } catch (error) {
    await deps.store.delete(objectKey)
    if (error instanceof ApiError)
      await deps.db.transaction((tx) => announce(tx, project, 'preamble.file.rejected', id))
    throw error
  }
  // Its object stays when this fails, for it may have been done all the same; the sweep will know.
  return deps.db.transaction(async (tx) => {
    const [made] = await tx
      .insert(files)
      .values({ ...row, trace: tracePlace() })
      .returning()
    await deps.keep(tx, toFile(made!))
    return made!
  })
}

const inExpiry = /^expires_after\[(\w+)\]$/

/**
 * The fields as the client had them before they became a form: `expires_after[seconds]` is a number in an object, or the
 * object comes whole, as JSON, which is how OpenAPI puts objects into forms.
 */
function nested(fields: ReadonlyMap<string, string>) {
  const expiry = [...fields].flatMap(([name, value]) => {
    const key = inExpiry.exec(name)?.[1]
    return key ? [[key, /^\d+$/.test(value) ? Number(value) : value] as const] : []
  })
  const others = [...fields]
    .filter(([name]) => !inExpiry.test(name))
    .map(([name, value]) => [name, name === 'expires_after' ? fromJson(value) : value] as const)
  return {
    ...Object.fromEntries(others),
    ...(expiry.length > 0 && { expires_after: Object.fromEntries(expiry) }),
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
