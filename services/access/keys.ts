/** The keys of a project: how they are made, found and revoked, and how the API tells them. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import type { ApiKey, ApiKeyRequest, NewApiKey } from '../../contract/access.ts'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import { firstProject, type InProject } from '../../infra/access/caller.ts'
import { hashOf, newKey, prefixOf } from '../../infra/access/key.ts'
import type { Database } from '../../infra/db/client.ts'
import { apiKeys, unixSeconds } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import { findProject } from './project.ts'

type Deps = InProject & { db: Database }
type KeyRow = typeof apiKeys.$inferSelect

/**
 * Makes a key and answers it, this once.
 * @throws ApiError when there is no such project or it is archived, or when it would lock everybody out
 */
export async function createKey(
  deps: Deps & { keep: Keep },
  projectId: string,
  request: ApiKeyRequest,
): Promise<NewApiKey> {
  const { id: project, archivedAt } = await findProject(deps, projectId)
  if (archivedAt)
    throw new ApiError('conflict', `project ${project} is archived: its keys would open nothing`)
  const value = newKey()
  const { name, scopes, expires_in_seconds: seconds } = request
  return deps.db.transaction(async (tx) => {
    // From the first key on nobody comes in without one: whoever makes it needs it to make the next.
    await tx.execute(sql`lock table ${apiKeys} in share row exclusive mode`)
    const [any] = await tx.select({ id: apiKeys.id }).from(apiKeys).limit(1)
    if (!any && (project !== firstProject || !scopes.includes('admin') || seconds != null))
      throw new ApiError(
        'invalid_value',
        `scopes: the first key of a server is one of the first project (${firstProject}) with the scope admin, and does not expire; without it nobody could make another`,
        { param: 'scopes' },
      )
    const [made] = await tx
      .insert(apiKeys)
      .values({
        ...{ project, name, scopes, hash: hashOf(value), prefix: prefixOf(value) },
        requestsPerMinute: request.requests_per_minute,
        concurrentRequests: request.concurrent_requests,
        expiresAt: seconds == null ? null : sql`now() + ${seconds} * interval '1 second'`,
      })
      .returning()
    const key = { ...toKey(made!), value }
    await deps.keep(tx, key)
    return key
  })
}

/** @throws ApiError when the project, which the caller must see, has no such key */
export async function findKey(deps: Deps, projectId: string, id: string): Promise<KeyRow> {
  const { id: project } = await findProject(deps, projectId)
  const [row] = await deps.db.select().from(apiKeys).where(ofProject(project, id))
  if (!row) throw new ApiError('not_found', `project ${projectId} has no key ${id}`, { param: 'key_id' })
  return row
}

/**
 * From now on the key opens nothing.
 * @throws ApiError when the project has no such key, or it is the last one that can make others
 */
export async function revokeKey(deps: Deps, projectId: string, id: string): Promise<void> {
  const row = await findKey(deps, projectId, id)
  await deps.db.transaction(async (tx) => {
    const operators = await tx.select({ id: apiKeys.id }).from(apiKeys).where(operating).for('update')
    if (operators.length === 1 && operators[0]!.id === row.id)
      throw new ApiError(
        'conflict',
        `${id} is the last key of the first project with the scope admin; make another before it is revoked`,
      )
    await tx
      .update(apiKeys)
      .set({ revokedAt: sql`coalesce(${apiKeys.revokedAt}, now())` })
      .where(eq(apiKeys.id, row.id))
  })
}

/** The keys without which nobody could make keys and projects; one that expires is no such key. */
const operating = and(
  eq(apiKeys.project, firstProject),
  sql`${apiKeys.scopes} ? 'admin'`,
  isNull(apiKeys.revokedAt),
  isNull(apiKeys.expiresAt),
)

const ofProject = (project: Id<'project'>, id: string) =>
  and(eq(apiKeys.project, project), eq(apiKeys.id, id as Id<'apiKey'>))

export const toKey = (row: KeyRow): ApiKey => ({
  id: row.id,
  object: 'organization.project.api_key',
  created_at: unixSeconds(row.createdAt),
  project_id: row.project,
  name: row.name,
  redacted_value: `${row.prefix}…`,
  scopes: row.scopes,
  requests_per_minute: row.requestsPerMinute,
  concurrent_requests: row.concurrentRequests,
  last_used_at: row.lastUsedAt && unixSeconds(row.lastUsedAt),
  expires_at: row.expiresAt && unixSeconds(row.expiresAt),
  revoked_at: row.revokedAt && unixSeconds(row.revokedAt),
})
