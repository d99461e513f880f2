import { createRoute, z } from '@hono/zod-openapi'
import { Checkpoint, JobEvent } from '../../../contract/job.ts'
import { PageQuery, pageOf } from '../../../contract/page.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json } from '../../../infra/http/json.ts'
import type { TrainDeps } from '../app.ts'
import { listEvents } from '../list-events.ts'
import { listCheckpoints } from '../list-jobs.ts'

const listOf = <T extends z.ZodType>(path: string, description: string, item: T) =>
  createRoute({
    method: 'get',
    path,
    request: { params: z.object({ id: z.string() }), query: PageQuery },
    responses: {
      200: json(description, pageOf(item)),
      ...errors(400, 404),
    },
  })

const events = listOf('/v1/fine_tuning/jobs/{id}/events', 'What happened to the job', JobEvent)
const checkpoints = listOf('/v1/fine_tuning/jobs/{id}/checkpoints', 'Models kept on the way', Checkpoint)

export function addProgressRoutes(app: HttpApp, deps: TrainDeps): void {
  app.openapi(events, async (c) => {
    return c.json(await listEvents(forCaller(c, deps), c.req.valid('param').id, c.req.valid('query')), 200)
  })
  app.openapi(checkpoints, async (c) => {
    return c.json(
      await listCheckpoints(forCaller(c, deps), c.req.valid('param').id, c.req.valid('query')),
      200,
    )
  })
}
