import { createRoute, z } from '@hono/zod-openapi'
import { Job, JobListQuery, JobRequest, Plan, PlanRequest } from '../../../contract/job.ts'
import { pageOf } from '../../../contract/page.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json, jsonBody } from '../../../infra/http/json.ts'
import type { TrainDeps } from '../app.ts'
import { cancelJob } from '../cancel-job.ts'
import { createJob } from '../create-job.ts'
import { getJob, toJob } from '../job.ts'
import { listJobs } from '../list-jobs.ts'
import { pauseJob, resumeJob } from '../pause-job.ts'
import { planJob } from '../plan-job.ts'

const params = z.object({ id: z.string() })
const oneJob = json('The job', Job)
const path = '/v1/fine_tuning/jobs'

const create = createRoute({
  method: 'post',
  path,
  request: { body: jsonBody(JobRequest) },
  responses: { 200: oneJob, ...errors(400, 404) },
})
const list = createRoute({
  method: 'get',
  path,
  request: { query: JobListQuery },
  responses: {
    200: json('Jobs by age', pageOf(Job)),
    ...errors(400),
  },
})
const get = createRoute({
  method: 'get',
  path: `${path}/{id}`,
  request: { params },
  responses: { 200: oneJob, ...errors(404) },
})
const move = <V extends string>(verb: V) =>
  createRoute({
    method: 'post',
    path: `${path}/{id}/${verb}`,
    request: { params },
    responses: { 200: oneJob, ...errors(404, 409) },
  })

const plan = createRoute({
  method: 'post',
  path: '/v1/fine_tuning/plan',
  request: { body: jsonBody(PlanRequest) },
  responses: { 200: json('How a job would be trained', Plan), ...errors(400, 404) },
})

export function addJobRoutes(app: HttpApp, deps: TrainDeps): void {
  app.openapi(plan, async (c) => c.json(await planJob(deps, c.req.valid('json')), 200))
  app.openapi(create, async (c) => c.json(await createJob(forCaller(c, deps), c.req.valid('json')), 200))
  app.openapi(list, async (c) => c.json(await listJobs(forCaller(c, deps), c.req.valid('query')), 200))
  app.openapi(get, async (c) => c.json(toJob(await getJob(forCaller(c, deps), c.req.valid('param').id)), 200))
  app.openapi(move('cancel'), async (c) =>
    c.json(await cancelJob(forCaller(c, deps), c.req.valid('param').id), 200),
  )
  app.openapi(move('pause'), async (c) =>
    c.json(await pauseJob(forCaller(c, deps), c.req.valid('param').id), 200),
  )
  app.openapi(move('resume'), async (c) =>
    c.json(await resumeJob(forCaller(c, deps), c.req.valid('param').id), 200),
  )
}
