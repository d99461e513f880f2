/** A project: who sees it, and how the API tells it. */
import { and, eq } from 'drizzle-orm'
import type { Project } from '../../contract/access.ts'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import { firstProject, type InProject } from '../../infra/access/caller.ts'
import type { Database } from '../../infra/db/client.ts'
import { projects, unixSeconds } from '../../infra/db/tables/index.ts'

export type ProjectRow = typeof projects.$inferSelect

/** Operators see all projects, others their own. */
export const seenBy = (project: Id<'project'>) =>
  project === firstProject ? undefined : eq(projects.id, project)

/** @throws ApiError when there is none that the caller sees */
export async function findProject(
  { db, project }: InProject & { db: Database },
  id: string,
): Promise<ProjectRow> {
  const [row] = await db
    .select()
    .from(projects)
    .where(and(seenBy(project), eq(projects.id, id as Id<'project'>)))
  if (!row) throw new ApiError('not_found', `there is no project ${id}`, { param: 'project_id' })
  return row
}

export const toProject = ({ id, name, createdAt, archivedAt }: ProjectRow): Project => ({
  id,
  object: 'organization.project',
  created_at: unixSeconds(createdAt),
  name,
  status: archivedAt ? 'archived' : 'active',
  archived_at: archivedAt && unixSeconds(archivedAt),
})
