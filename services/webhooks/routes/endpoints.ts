import { createRoute, z } from '@hono/zod-openapi'
import { eq } from 'drizzle-orm'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import {
  RotateSecretRequest,
  WebhookEndpoint,
  WebhookEndpointChange,
  WebhookEndpointDeleted,
  WebhookEndpointRequest,
  WebhookEndpointWithSecret,
  WebhookEventType,
  WebhookEventTypeList,
  WebhookTestRequest,
  WebhookTestResult,
} from '../../../contract/webhook.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { webhookEndpoints } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json, jsonBody, optionalJsonBody } from '../../../infra/http/json.ts'
import type { WebhooksDeps } from '../app.ts'
import { createEndpoint } from '../create-endpoint.ts'
import { findEndpoint, toEndpoint, withSecret } from '../endpoint.ts'
import { rotateSecret } from '../rotate-secret.ts'
import { testEndpoint } from '../test-endpoint.ts'
import { updateEndpoint } from '../update-endpoint.ts'

const params = z.object({ id: z.string() })
const path = '/v1/webhook_endpoints'
const one = json('The endpoint', WebhookEndpoint)
const secret = json('The endpoint, with its secret, which is not shown again', WebhookEndpointWithSecret)

const types = createRoute({
  method: 'get',
  path: '/v1/webhook_event_types',
  responses: { 200: json('What endpoints can be told', WebhookEventTypeList) },
})
const create = createRoute({
  method: 'post',
  path,
  request: { body: jsonBody(WebhookEndpointRequest) },
  responses: { 200: secret, ...errors(400) },
})
const list = createRoute({
  method: 'get',
  path,
  request: { query: PageQuery },
  responses: { 200: json('Endpoints by age', pageOf(WebhookEndpoint)), ...errors(400) },
})
const retrieve = createRoute({
  method: 'get',
  path: `${path}/{id}`,
  request: { params },
  responses: { 200: one, ...errors(404) },
})
const update = createRoute({
  method: 'post',
  path: `${path}/{id}`,
  request: { params, body: jsonBody(WebhookEndpointChange) },
  responses: { 200: one, ...errors(400, 404) },
})
const remove = createRoute({
  method: 'delete',
  path: `${path}/{id}`,
  request: { params },
  responses: { 200: json('It is gone, and its deliveries', WebhookEndpointDeleted), ...errors(404) },
})
const rotate = createRoute({
  method: 'post',
  path: `${path}/{id}/rotate_secret`,
  request: { params, body: optionalJsonBody(RotateSecretRequest) },
  responses: { 200: secret, ...errors(400, 404) },
})
const test = createRoute({
  method: 'post',
  path: `${path}/{id}/test`,
  request: { params, body: jsonBody(WebhookTestRequest) },
  responses: { 200: json('It was answered', WebhookTestResult), ...errors(400, 404) },
})

export function addEndpointRoutes(app: HttpApp, deps: WebhooksDeps): void {
  const { db } = deps
  app.openapi(types, (c) => c.json({ object: 'list' as const, data: WebhookEventType.options }, 200))
  app.openapi(create, async (c) => {
    c.set('secret', true)
    return c.json(withSecret(await createEndpoint(forCaller(c, deps), c.req.valid('json'))), 200)
  })
  app.openapi(list, async (c) => {
    const { rows, hasMore } = await pageOfRows(
      db,
      webhookEndpoints,
      c.req.valid('query'),
      eq(webhookEndpoints.project, c.var.caller.project),
    )
    return c.json(page(rows.map(toEndpoint), hasMore), 200)
  })
  app.openapi(retrieve, async (c) =>
    c.json(toEndpoint(await findEndpoint(forCaller(c, deps), c.req.valid('param').id)), 200),
  )
  app.openapi(update, async (c) => {
    const { id } = c.req.valid('param')
    return c.json(toEndpoint(await updateEndpoint(forCaller(c, deps), id, c.req.valid('json'))), 200)
  })
  app.openapi(remove, async (c) => {
    const { id } = await findEndpoint(forCaller(c, deps), c.req.valid('param').id)
    await db.delete(webhookEndpoints).where(eq(webhookEndpoints.id, id))
    return c.json({ id, object: 'webhook_endpoint.deleted' as const, deleted: true as const }, 200)
  })
  app.openapi(rotate, async (c) => {
    c.set('secret', true)
    const { keep_old_secret_active_for_24_hours: keepOld = false } = c.req.valid('json')
    return c.json(withSecret(await rotateSecret(forCaller(c, deps), c.req.valid('param').id, keepOld)), 200)
  })
  app.openapi(test, async (c) => {
    const { event_type } = c.req.valid('json')
    return c.json(await testEndpoint(forCaller(c, deps), c.req.valid('param').id, event_type), 200)
  })
}
