import { createRoute, z } from '@hono/zod-openapi'
import { eq } from 'drizzle-orm'
import { Adapter, AdapterDeleted, ExportQuery, ImportFields } from '../../../contract/adapter.ts'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { adapters } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json } from '../../../infra/http/json.ts'
import { answerStream } from '../../../infra/http/stream.ts'
import { type AdapterRow, findAdapter, toAdapters } from '../adapter.ts'
import type { InferDeps } from '../app.ts'
import { deleteModel } from '../delete-model.ts'
import { exportAdapter } from '../export-adapter.ts'
import { importAdapter } from '../import-adapter.ts'
import { type Keeping, keepAdapter } from '../keep-adapter.ts'

/** An `adapter_…`, or the `ft:…` of its model. */
const one = z.object({ id: z.string().min(1) })

const list = createRoute({
  method: 'get',
  path: '/v1/adapters',
  request: { query: PageQuery },
  responses: { 200: json('Adapters by age', pageOf(Adapter)), ...errors(400) },
})
const retrieve = createRoute({
  method: 'get',
  path: '/v1/adapters/{id}',
  request: { params: one },
  responses: { 200: json('The adapter', Adapter), ...errors(404) },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/adapters/{id}',
  request: { params: one },
  responses: { 200: json('It is gone, and its model', AdapterDeleted), ...errors(404) },
})
const keep = (keeping: Keeping) =>
  createRoute({
    method: 'post',
    path: `/v1/adapters/{id}/${keeping}`,
    request: { params: one },
    responses: { 200: json('The adapter as it is in memory now', Adapter), ...errors(400, 404, 409) },
  })
const download = createRoute({
  method: 'get',
  path: '/v1/adapters/{id}/export',
  request: { params: one, query: ExportQuery },
  responses: {
    200: {
      description: 'Its files in one zip',
      content: { 'application/zip': { schema: z.string().meta({ format: 'binary' }) } },
    },
    ...errors(400, 404),
  },
})
const upload = {
  method: 'post',
  path: '/v1/adapters/import',
  request: {
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: ImportFields.extend({ file: z.array(z.string().meta({ format: 'binary' })).min(1) }),
        },
      },
    },
  },
  responses: { 201: json('The adapter, whose model answers from now on', Adapter), ...errors(400, 404, 413) },
} as const

export function addAdapterRoutes(app: HttpApp, deps: InferDeps): void {
  const told = async (row: AdapterRow) => (await toAdapters(deps, [row]))[0]!

  // Documented but not validated by the framework, which would read the whole form into memory.
  app.openAPIRegistry.registerPath(upload)
  app.post(upload.path, async (c) =>
    c.json(await told(await importAdapter(forCaller(c, deps), c.req.raw)), 201),
  )

  app.openapi(list, async (c) => {
    const { rows, hasMore } = await pageOfRows(
      deps.db,
      adapters,
      c.req.valid('query'),
      eq(adapters.project, c.var.caller.project),
    )
    return c.json(page(await toAdapters(deps, rows), hasMore), 200)
  })
  app.openapi(retrieve, async (c) =>
    c.json(await told(await findAdapter(forCaller(c, deps), c.req.valid('param').id)), 200),
  )
  app.openapi(remove, async (c) => {
    const { id, model } = await findAdapter(forCaller(c, deps), c.req.valid('param').id)
    await deleteModel(forCaller(c, deps), model)
    return c.json({ id, object: 'adapter' as const, deleted: true as const }, 200)
  })
  for (const keeping of ['load', 'pin', 'unpin'] as const)
    app.openapi(keep(keeping), async (c) =>
      c.json(await told(await keepAdapter(forCaller(c, deps), c.req.valid('param').id, keeping)), 200),
    )
  app.openapi(download, async (c) => {
    const { filename, content } = await exportAdapter(
      forCaller(c, deps),
      c.req.valid('param').id,
      c.req.valid('query'),
    )
    return answerStream(c, content, 200, {
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename="${filename}"`,
    })
  })
}
