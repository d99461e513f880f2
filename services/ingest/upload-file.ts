import { createHash } from 'node:crypto'
import { ApiError } from '../../contract/errors.ts'
import { FilePurpose } from '../../contract/file.ts'
import { newId } from '../../contract/ids.ts'
import { EncodingDetector } from '../../corpus/encoding.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { files } from '../../infra/db/tables/index.ts'
import { readForm } from '../../infra/http/multipart.ts'
import { announce } from '../../infra/outbox.ts'
import { tell, tracePlace } from '../../infra/traces/spans.ts'
import type { IngestDeps } from './app.ts'
import type { FileRow } from './file.ts'

/**
 * Takes an upload straight into the store, hashing it and finding its encoding on the way.
 * @throws ApiError when the form is not as it should be; then neither row nor object is left, and webhooks are told
 */
export async function uploadFile(deps: IngestDeps & InProject, request: Request): Promise<FileRow> {
  const id = newId('file')
  const objectKey = `files/${id}`
  const hash = createHash('sha256')
  const detector = new EncodingDetector()
  async function* inspected(content: AsyncIterable<Uint8Array>) {
    for await (const chunk of content) {
      hash.update(chunk)
      detector.push(chunk)
      yield chunk
    }
  }
  let bytes = 0
  let row: typeof files.$inferInsert
  try {
    const form = await readForm(request, { maxBytes: deps.maxFileBytes, maxFiles: 1 }, async (content) => {
      bytes = (await deps.store.put(objectKey, inspected(content))).bytes
    })
    const [filename] = form.filenames
    if (!filename)
      throw new ApiError('invalid_value', 'file: the form has no file with a name', { param: 'file' })
    if (bytes === 0) throw new ApiError('invalid_value', `file: ${filename} is empty`, { param: 'file' })
    const { project } = deps
    const found = { sha256: hash.digest('hex'), encoding: detector.end() }
    row = { id, project, filename, purpose: purposeOf(form.fields), bytes, objectKey, ...found }
    tell({ 'preamble.file.id': id, 'preamble.file.bytes': bytes })
  } catch (error) {
    await deps.store.delete(objectKey)
    if (error instanceof ApiError)
      await deps.db.transaction((tx) => announce(tx, deps.project, 'preamble.file.rejected', id))
    throw error
  }
  // Its object stays when this fails, for it may have been done all the same; the sweep will know.
  const [made] = await deps.db
    .insert(files)
    .values({ ...row, trace: tracePlace() })
    .returning()
  return made!
}

function purposeOf(fields: ReadonlyMap<string, string>): FilePurpose {
  const purpose = FilePurpose.safeParse(fields.get('purpose'))
  if (purpose.success) return purpose.data
  const found = fields.has('purpose') ? JSON.stringify(fields.get('purpose')) : 'nothing'
  throw new ApiError(
    'invalid_value',
    `purpose: expected one of ${FilePurpose.options.join(', ')}, found ${found}`,
    {
      param: 'purpose',
    },
  )
}
