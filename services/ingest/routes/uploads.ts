import { createRoute, z } from '@hono/zod-openapi'
import { CompleteRequest, Upload, UploadPart, UploadRequest } from '../../../contract/upload.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json, jsonBody } from '../../../infra/http/json.ts'
import { addPart, toPart } from '../add-part.ts'
import type { IngestDeps } from '../app.ts'
import { cancelUpload } from '../cancel-upload.ts'
import { completeUpload } from '../complete-upload.ts'
import { createUpload } from '../create-upload.ts'
import { toUpload } from '../upload.ts'

const one = z.object({ id: z.string() })

const create = createRoute({
  method: 'post',
  path: '/v1/uploads',
  request: { body: jsonBody(UploadRequest) },
  responses: { 200: json('The upload', Upload), ...errors(400, 413) },
})
const complete = createRoute({
  method: 'post',
  path: '/v1/uploads/{id}/complete',
  request: { params: one, body: jsonBody(CompleteRequest) },
  responses: { 200: json('The upload, with the file that it has become', Upload), ...errors(400, 404, 409) },
})
const cancel = createRoute({
  method: 'post',
  path: '/v1/uploads/{id}/cancel',
  request: { params: one },
  responses: { 200: json('The upload', Upload), ...errors(404, 409) },
})
const add = {
  method: 'post',
  path: '/v1/uploads/{id}/parts',
  request: {
    params: one,
    body: {
      required: true,
      content: {
        'multipart/form-data': { schema: z.strictObject({ data: z.string().meta({ format: 'binary' }) }) },
      },
    },
  },
  responses: { 200: json('The part', UploadPart), ...errors(400, 404, 409, 413) },
} as const

export function addUploadRoutes(app: HttpApp, deps: IngestDeps): void {
  app.openapi(create, async (c) =>
    c.json(toUpload(await createUpload(forCaller(c, deps), c.req.valid('json'))), 200),
  )
  // Documented but not validated by the framework, which would read the whole form into memory.
  app.openAPIRegistry.registerPath(add)
  app.post('/v1/uploads/:id/parts', async (c) =>
    c.json(toPart(await addPart(forCaller(c, deps), c.req.param('id'), c.req.raw)), 200),
  )
  app.openapi(complete, async (c) => {
    const { upload, file } = await completeUpload(
      forCaller(c, deps),
      c.req.valid('param').id,
      c.req.valid('json'),
    )
    return c.json(toUpload(upload, file), 200)
  })
  app.openapi(cancel, async (c) =>
    c.json(toUpload(await cancelUpload(forCaller(c, deps), c.req.valid('param').id)), 200),
  )
}
