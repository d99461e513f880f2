import { createRoute, z } from '@hono/zod-openapi'
import { eq } from 'drizzle-orm'
import { Dataset, DatasetDeleted, DatasetFileName, DatasetRequest } from '../../../contract/dataset.ts'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import { makeDataset, toDataset } from '../../../corpus/make-dataset.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { datasets } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json, jsonBody } from '../../../infra/http/json.ts'
import { answerStream } from '../../../infra/http/stream.ts'
import type { ConvertDeps } from '../app.ts'
import { deleteDataset } from '../delete-dataset.ts'
import { findDataset } from '../find-dataset.ts'
import { openDatasetFile } from '../open-dataset-file.ts'

const one = z.object({ id: z.string() })

const create = createRoute({
  method: 'post',
  path: '/v1/datasets',
  request: { body: jsonBody(DatasetRequest) },
  responses: {
    201: json('The dataset; its status is `failed` when the corpus has errors, which it lists', Dataset),
    ...errors(400, 404),
  },
})
const list = createRoute({
  method: 'get',
  path: '/v1/datasets',
  request: { query: PageQuery },
  responses: { 200: json('Datasets by age', pageOf(Dataset)), ...errors(400) },
})
const retrieve = createRoute({
  method: 'get',
  path: '/v1/datasets/{id}',
  request: { params: one },
  responses: { 200: json('The dataset', Dataset), ...errors(404) },
})
const content = createRoute({
  method: 'get',
  path: '/v1/datasets/{id}/files/{name}',
  request: { params: z.object({ id: z.string(), name: DatasetFileName }) },
  responses: {
    200: { description: 'The file, as JSON' },
    ...errors(400, 404, 409),
  },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/datasets/{id}',
  request: { params: one },
  responses: { 200: json('It is gone', DatasetDeleted), ...errors(404) },
})

export function addDatasetRoutes(app: HttpApp, deps: ConvertDeps): void {
  app.openapi(create, async (c) => {
    const { file_id, split, system_prompt } = c.req.valid('json')
    const { keep, ...at } = forCaller(c, deps)
    const asked = { fileId: file_id, split, systemPrompt: system_prompt }
    const row = await makeDataset(at, asked, 'file_id', (tx, made) => keep(tx, toDataset(made), 201))
    return c.json(toDataset(row), 201)
  })
  app.openapi(list, async (c) => {
    const { rows, hasMore } = await pageOfRows(
      deps.db,
      datasets,
      c.req.valid('query'),
      eq(datasets.project, c.var.caller.project),
    )
    return c.json(page(rows.map(toDataset), hasMore), 200)
  })
  app.openapi(retrieve, async (c) =>
    c.json(toDataset(await findDataset(forCaller(c, deps), c.req.valid('param').id)), 200),
  )
  app.openapi(content, async (c) => {
    const { id, name } = c.req.valid('param')
    const file = await openDatasetFile(forCaller(c, deps), id, name)
    return answerStream(c, file, 200, { 'content-type': 'application/json; charset=utf-8' })
  })
  app.openapi(remove, async (c) => {
    const { id } = c.req.valid('param')
    await deleteDataset(forCaller(c, deps), id)
    return c.json({ id, object: 'dataset' as const, deleted: true as const }, 200)
  })
}
