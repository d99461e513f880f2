import { createRoute, z } from '@hono/zod-openapi'
import { Model, ModelDeleted } from '../../../contract/model.ts'
import { page, pageOf } from '../../../contract/page.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json } from '../../../infra/http/json.ts'
import type { InferDeps } from '../app.ts'
import { deleteModel } from '../delete-model.ts'
import { getModel, listModels } from '../list-models.ts'

const params = z.object({ model: z.string().min(1) })

const list = createRoute({
  method: 'get',
  path: '/v1/models',
  responses: { 200: json('All models', pageOf(Model)) },
})
const get = createRoute({
  method: 'get',
  path: '/v1/models/{model}',
  request: { params },
  responses: { 200: json('The model', Model), ...errors(404) },
})
const remove = createRoute({
  method: 'delete',
  path: '/v1/models/{model}',
  request: { params },
  responses: { 200: json('It is deleted', ModelDeleted), ...errors(400, 404) },
})

export function addModelRoutes(app: HttpApp, deps: InferDeps): void {
  app.openapi(list, async (c) => c.json(page(await listModels(forCaller(c, deps)), false), 200))
  app.openapi(get, async (c) => c.json(await getModel(forCaller(c, deps), c.req.valid('param').model), 200))
  app.openapi(remove, async (c) =>
    c.json(await deleteModel(forCaller(c, deps), c.req.valid('param').model), 200),
  )
}
