import { createRoute } from '@hono/zod-openapi'
import { eq } from 'drizzle-orm'
import { AuditLogEntry } from '../../../contract/access.ts'
import { PageQuery, page, pageOf } from '../../../contract/page.ts'
import { firstProject } from '../../../infra/access/caller.ts'
import { pageOfRows } from '../../../infra/db/page.ts'
import { auditLog, unixSeconds } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { json } from '../../../infra/http/json.ts'
import type { AccessDeps } from '../app.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/organization/audit_logs',
  request: { query: PageQuery },
  responses: {
    200: json('What was changed or refused; operators see all projects', pageOf(AuditLogEntry)),
    ...errors(400),
  },
})

export function addAuditLogRoute(app: HttpApp, { db }: AccessDeps): void {
  app.openapi(list, async (c) => {
    const { project } = c.var.caller
    const seen = project === firstProject ? undefined : eq(auditLog.project, project)
    const { rows, hasMore } = await pageOfRows(db, auditLog, c.req.valid('query'), seen)
    return c.json(page(rows.map(toEntry), hasMore), 200)
  })
}

const toEntry = (row: typeof auditLog.$inferSelect): AuditLogEntry => ({
  id: row.id,
  object: 'audit_log',
  effective_at: unixSeconds(row.createdAt),
  type: `${row.method} ${row.route}`,
  actor: row.keyId && { type: 'api_key', api_key: { id: row.keyId } },
  project: { id: row.project },
  subject: row.subject,
  status: row.status,
  request_id: row.requestId,
})
