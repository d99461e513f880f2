import { createRoute, z } from '@hono/zod-openapi'
import { and, eq } from 'drizzle-orm'
import { ApiError } from '../../../contract/errors.ts'
import { ExpiresAfter, FileDeleted, FileObject, FilePurpose } from '../../../contract/file.ts'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { files, notExpired } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json } from '../../../infra/http/json.ts'
import { rangeOf } from '../../../infra/http/range.ts'
import { answerStream } from '../../../infra/http/stream.ts'
import type { IngestDeps } from '../app.ts'
import { deleteFile } from '../delete-file.ts'
import { findFile, mustHaveContent, toFile } from '../file.ts'
import { uploadFile } from '../upload-file.ts'

const one = z.object({ id: z.string() })

const list = createRoute({
  method: 'get',
  path: '/v1/files',
  // OpenAI's lists of files may be ten thousand long.
  request: {
    query: PageQuery.extend({
      limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
      purpose: FilePurpose.optional(),
    }),
  },
  responses: { 200: json('Files by age', pageOf(FileObject)), ...errors(400) },
})
const retrieve = createRoute({
  method: 'get',
  path: '/v1/files/{id}',
  request: { params: one },
  responses: { 200: json('The file', FileObject), ...errors(404) },
})
const content = createRoute({
  method: 'get',
  path: '/v1/files/{id}/content',
  request: { params: one, headers: z.object({ range: z.string().optional() }) },
  responses: {
    200: { description: 'Its bytes, as they were uploaded' },
    206: { description: 'Those that `range` asks for' },
    ...errors(404, 416),
  },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/files/{id}',
  request: { params: one },
  responses: { 200: json('It is gone', FileDeleted), ...errors(404) },
})
const upload = {
  method: 'post',
  path: '/v1/files',
  request: {
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: z.strictObject({
            file: z.string().meta({ format: 'binary' }),
            purpose: FilePurpose,
            expires_after: ExpiresAfter.optional(),
          }),
        },
      },
    },
  },
  responses: { 200: json('The file', FileObject), ...errors(400, 413) },
} as const

export function addFileRoutes(app: HttpApp, deps: IngestDeps): void {
  // Documented but not validated by the framework, which would read the whole form into memory.
  app.openAPIRegistry.registerPath(upload)
  app.post(upload.path, async (c) => c.json(toFile(await uploadFile(forCaller(c, deps), c.req.raw)), 200))

  app.openapi(list, async (c) => {
    const { purpose, ...query } = c.req.valid('query')
    const own = and(eq(files.project, c.var.caller.project), notExpired)
    const where = purpose ? and(own, eq(files.purpose, purpose)) : own
    const { rows, hasMore } = await pageOfRows(deps.db, files, query, where)
    return c.json(page(rows.map(toFile), hasMore), 200)
  })
  app.openapi(retrieve, async (c) =>
    c.json(toFile(await findFile(forCaller(c, deps), c.req.valid('param').id)), 200),
  )
  app.openapi(content, async (c) => {
    const file = await findFile(forCaller(c, deps), c.req.valid('param').id)
    mustHaveContent(file)
    const { bytes } = file
    const range = rangeOf(c.req.valid('header').range, bytes)
    if (range === 'none') {
      c.header('content-range', `bytes */${bytes}`)
      throw new ApiError('range_not_satisfiable', `range: the file has ${bytes} bytes`, { param: 'range' })
    }
    const headers = {
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.filename)}`,
    }
    if (!range)
      return answerStream(c, await deps.store.get(file.objectKey), 200, {
        ...headers,
        'content-length': String(bytes),
      })
    return answerStream(c, await deps.store.get(file.objectKey, range), 206, {
      ...headers,
      'content-length': String(range.to - range.from),
      'content-range': `bytes ${range.from}-${range.to - 1}/${bytes}`,
    })
  })
  app.openapi(remove, async (c) => {
    const { id } = c.req.valid('param')
    await deleteFile(forCaller(c, deps), id)
    return c.json({ id, object: 'file' as const, deleted: true as const }, 200)
  })
}
