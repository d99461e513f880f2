import { createRoute, z } from '@hono/zod-openapi'
import { PageQuery, pageOf } from '../../../contract/page.ts'
import { DeliveryStatus, WebhookDelivery } from '../../../contract/webhook.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json } from '../../../infra/http/json.ts'
import type { WebhooksDeps } from '../app.ts'
import { listDeliveries, redeliver } from '../deliveries.ts'

const path = '/v1/webhook_endpoints/{id}/deliveries'

const list = createRoute({
  method: 'get',
  path,
  request: {
    params: z.object({ id: z.string() }),
    query: PageQuery.extend({ status: DeliveryStatus.optional() }),
  },
  responses: { 200: json('Deliveries by age', pageOf(WebhookDelivery)), ...errors(400, 404) },
})
const again = createRoute({
  method: 'post',
  path: `${path}/{delivery_id}/redeliver`,
  request: { params: z.object({ id: z.string(), delivery_id: z.string() }) },
  responses: { 200: json('The delivery, in line again', WebhookDelivery), ...errors(404, 409) },
})

export function addDeliveryRoutes(app: HttpApp, deps: WebhooksDeps): void {
  app.openapi(list, async (c) => {
    return c.json(
      await listDeliveries(forCaller(c, deps), c.req.valid('param').id, c.req.valid('query')),
      200,
    )
  })
  app.openapi(again, async (c) => {
    const { id, delivery_id } = c.req.valid('param')
    return c.json(await redeliver(forCaller(c, deps), id, delivery_id), 200)
  })
}
