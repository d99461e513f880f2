import { createRoute, z } from '@hono/zod-openapi'
import { Project, ProjectRequest } from '../../../contract/access.ts'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { projects } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { json, jsonBody } from '../../../infra/http/json.ts'
import type { AccessDeps } from '../app.ts'
import { archiveProject, createProject, renameProject } from '../change-project.ts'
import { findProject, seenBy, toProject } from '../project.ts'

// OpenAI's path, so that its client's `admin.organization.projects` finds them.
const path = '/v1/organization/projects'
const params = z.object({ project_id: z.string() })

const create = createRoute({
  method: 'post',
  path,
  request: { body: jsonBody(ProjectRequest) },
  responses: { 200: json('The project', Project), ...errors(400) },
})
const list = createRoute({
  method: 'get',
  path,
  request: { query: PageQuery },
  responses: { 200: json('Projects by age', pageOf(Project)), ...errors(400) },
})
const retrieve = createRoute({
  method: 'get',
  path: `${path}/{project_id}`,
  request: { params },
  responses: { 200: json('The project', Project), ...errors(404) },
})
const rename = createRoute({
  method: 'post',
  path: `${path}/{project_id}`,
  request: { params, body: jsonBody(ProjectRequest) },
  responses: { 200: json('The project', Project), ...errors(400, 404) },
})
const archive = createRoute({
  method: 'post',
  path: `${path}/{project_id}/archive`,
  request: { params },
  responses: { 200: json('The project, whose keys open nothing any more', Project), ...errors(400, 404) },
})

export function addProjectRoutes(app: HttpApp, deps: AccessDeps): void {
  app.openapi(create, async (c) =>
    c.json(toProject(await createProject(forCaller(c, deps), c.req.valid('json').name)), 200),
  )
  app.openapi(list, async (c) => {
    const seen = seenBy(c.var.caller.project)
    const { rows, hasMore } = await pageOfRows(deps.db, projects, c.req.valid('query'), seen)
    return c.json(page(rows.map(toProject), hasMore), 200)
  })
  app.openapi(retrieve, async (c) =>
    c.json(toProject(await findProject(forCaller(c, deps), c.req.valid('param').project_id)), 200),
  )
  app.openapi(rename, async (c) => {
    const { project_id } = c.req.valid('param')
    return c.json(
      toProject(await renameProject(forCaller(c, deps), project_id, c.req.valid('json').name)),
      200,
    )
  })
  app.openapi(archive, async (c) =>
    c.json(toProject(await archiveProject(forCaller(c, deps), c.req.valid('param').project_id)), 200),
  )
}
