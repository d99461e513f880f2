import { createRoute, z } from '@hono/zod-openapi'
import { BaseModel, BaseModelDeleted, BaseModelRequest } from '../../../contract/base-model.ts'
import { page, pageOf } from '../../../contract/page.ts'
import { type Caller, firstProject } from '../../../infra/access/caller.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { json, jsonBody } from '../../../infra/http/json.ts'
import type { ModelsDeps } from '../app.ts'
import { createBaseModel } from '../create-base-model.ts'
import { deleteBaseModel } from '../delete-base-model.ts'
import { getBaseModel, listBaseModels } from '../list-base-models.ts'

const path = '/v1/base_models'
const params = z.object({ id: z.string().min(1) })

const create = createRoute({
  method: 'post',
  path,
  request: { body: jsonBody(BaseModelRequest) },
  responses: { 201: json('The model; a pull goes on after the answer', BaseModel), ...errors(400, 409) },
})
const list = createRoute({
  method: 'get',
  path,
  responses: { 200: json('All base models, whole or not', pageOf(BaseModel)) },
})
const get = createRoute({
  method: 'get',
  path: `${path}/{id}`,
  request: { params },
  responses: { 200: json('The model', BaseModel), ...errors(404) },
})
const remove = createRoute({
  method: 'delete',
  path: `${path}/{id}`,
  request: { params, query: z.object({ force: z.enum(['true', 'false']).default('false') }) },
  responses: { 200: json('It is gone', BaseModelDeleted), ...errors(400, 404, 409) },
})

/** Where on the server a model came from is for those who look after it. */
const shownTo = ({ project }: Caller, model: BaseModel): BaseModel =>
  model.origin === 'path' && project !== firstProject ? { ...model, source: null } : model

export function addBaseModelRoutes(app: HttpApp, deps: ModelsDeps): void {
  app.openapi(create, async (c) => c.json(await createBaseModel(deps, c.req.valid('json')), 201))
  app.openapi(list, async (c) => {
    const models = await listBaseModels(deps)
    const shown = models.map((model) => shownTo(c.var.caller, model))
    return c.json(page(shown, false), 200)
  })
  app.openapi(get, async (c) =>
    c.json(shownTo(c.var.caller, await getBaseModel(deps, c.req.valid('param').id)), 200),
  )
  app.openapi(remove, async (c) => {
    const { force } = c.req.valid('query')
    return c.json(await deleteBaseModel(deps, c.req.valid('param').id, force === 'true'), 200)
  })
}
