import { createRoute, z } from '@hono/zod-openapi'
import { eq } from 'drizzle-orm'
import { ApiKey, ApiKeyDeleted, ApiKeyRequest, NewApiKey } from '../../../contract/access.ts'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { apiKeys } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json, jsonBody } from '../../../infra/http/json.ts'
import type { AccessDeps } from '../app.ts'
import { createKey, findKey, revokeKey, toKey } from '../keys.ts'
import { findProject } from '../project.ts'

const path = '/v1/organization/projects/{project_id}/api_keys'
const params = z.object({ project_id: z.string() })
const one = params.extend({ key_id: z.string() })

const create = createRoute({
  method: 'post',
  path,
  request: { params, body: jsonBody(ApiKeyRequest) },
  responses: {
    200: json('The key, with its value, which is shown this once', NewApiKey),
    ...errors(400, 404, 409),
  },
})
const list = createRoute({
  method: 'get',
  path,
  request: { params, query: PageQuery },
  responses: {
    200: json('Keys by age, those that were revoked included', pageOf(ApiKey)),
    ...errors(400, 404),
  },
})
const retrieve = createRoute({
  method: 'get',
  path: `${path}/{key_id}`,
  request: { params: one },
  responses: { 200: json('The key', ApiKey), ...errors(404) },
})
const revoke = createRoute({
  method: 'delete',
  path: `${path}/{key_id}`,
  request: { params: one },
  responses: { 200: json('It opens nothing any more', ApiKeyDeleted), ...errors(404) },
})

export function addKeyRoutes(app: HttpApp, deps: AccessDeps): void {
  app.openapi(create, async (c) => {
    const { project_id } = c.req.valid('param')
    c.set('secret', true)
    return c.json(await createKey(forCaller(c, deps), project_id, c.req.valid('json')), 200)
  })
  app.openapi(list, async (c) => {
    const { id } = await findProject(forCaller(c, deps), c.req.valid('param').project_id)
    const ofProject = eq(apiKeys.project, id)
    const { rows, hasMore } = await pageOfRows(deps.db, apiKeys, c.req.valid('query'), ofProject)
    return c.json(page(rows.map(toKey), hasMore), 200)
  })
  app.openapi(retrieve, async (c) => {
    const { project_id, key_id } = c.req.valid('param')
    return c.json(toKey(await findKey(forCaller(c, deps), project_id, key_id)), 200)
  })
  app.openapi(revoke, async (c) => {
    const { project_id, key_id: id } = c.req.valid('param')
    await revokeKey(forCaller(c, deps), project_id, id)
    return c.json(
      { id, object: 'organization.project.api_key.deleted' as const, deleted: true as const },
      200,
    )
  })
}
