import { eq, sql } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import { firstProject, type InProject } from '../../infra/access/caller.ts'
import type { Database } from '../../infra/db/client.ts'
import { projects } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import { findProject, type ProjectRow, toProject } from './project.ts'

type Deps = InProject & { db: Database }

/** @throws ApiError unless it is an operator who asks */
export async function createProject(
  { db, project, keep }: Deps & { keep: Keep },
  name: string,
): Promise<ProjectRow> {
  onlyOperators(project)
  return db.transaction(async (tx) => {
    const [made] = await tx.insert(projects).values({ name }).returning()
    await keep(tx, toProject(made!))
    return made!
  })
}

/** @throws ApiError when there is none that the caller sees */
export async function renameProject(deps: Deps, id: string, name: string): Promise<ProjectRow> {
  const row = await findProject(deps, id)
  const [renamed] = await deps.db.update(projects).set({ name }).where(eq(projects.id, row.id)).returning()
  return renamed!
}

/**
 * Closes a project: its keys open nothing any more, and what is in it stays.
 * @throws ApiError when there is none, it is the first, or no operator asks
 */
export async function archiveProject(deps: Deps, id: string): Promise<ProjectRow> {
  const row = await findProject(deps, id)
  onlyOperators(deps.project)
  if (row.id === firstProject)
    throw new ApiError('unsupported_value', 'the first project is the operators’ own, and cannot be archived')
  if (row.archivedAt) return row
  const [archived] = await deps.db
    .update(projects)
    .set({ archivedAt: sql`now()` })
    .where(eq(projects.id, row.id))
    .returning()
  return archived!
}

function onlyOperators(project: InProject['project']): void {
  if (project === firstProject) return
  const message = 'projects are made and archived with an admin key of the first project'
  throw new ApiError('insufficient_permissions', message)
}
