/** Who asks: the key of a request, and the project that it opens. */
import { and, eq, gt, isNull, lt, or, sql } from 'drizzle-orm'
import { Scope } from '../../contract/access.ts'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { Database } from '../db/client.ts'
import { apiKeys, projects } from '../db/tables/index.ts'
import { hashOf } from './key.ts'

/** The project there is from the start. Its admins are the operators: they see to all projects and to base models. */
export const firstProject: Id<'project'> = 'proj_default'

/** What is seen and made by a request lies within its caller's project. */
export type InProject = { project: Id<'project'> }

export type Caller = InProject & {
  scopes: readonly Scope[]
  /** Null: there are no keys yet. */
  key: (Limits & { id: Id<'apiKey'> }) | null
}
export type Limits = { requestsPerMinute: number | null; concurrentRequests: number | null }

/** Until the first key is made, whoever reaches the server may do everything. */
const anybody: Caller = { project: firstProject, scopes: Scope.options, key: null }

/**
 * The caller of a request with this `authorization` header.
 * @throws ApiError when it has no key that is valid, and there are keys
 */
export async function findCaller(db: Database, authorization: string | undefined): Promise<Caller> {
  const key = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  const known = key === undefined ? undefined : await callerOf(db, key)
  if (known) return known
  // Whatever clients send that were set up for another server is as good as nothing.
  if (!(await anyKeys(db))) return anybody
  throw new ApiError(
    'invalid_api_key',
    key === undefined
      ? 'this server wants an API key: send it as `authorization: Bearer sk-preamble-…`'
      : 'this API key is not valid: it is wrong, was revoked, or has expired',
  )
}

/** Whether there was ever a key: when the last one is revoked, the doors stay closed. */
export async function anyKeys(db: Database): Promise<boolean> {
  const found = await db.select({ id: apiKeys.id }).from(apiKeys).limit(1)
  return found.length > 0
}

async function callerOf(db: Database, key: string): Promise<Caller | undefined> {
  const valid = and(
    eq(apiKeys.hash, hashOf(key)),
    isNull(apiKeys.revokedAt),
    or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)),
    isNull(projects.archivedAt),
  )
  const [row] = await db
    .select({ key: apiKeys })
    .from(apiKeys)
    .innerJoin(projects, eq(projects.id, apiKeys.project))
    .where(valid)
  if (!row) return undefined
  const { id, project, scopes, requestsPerMinute, concurrentRequests, lastUsedAt } = row.key
  if (lastUsedAt === null || Date.now() - lastUsedAt.getTime() > minute) await noteUse(db, id)
  return { project, scopes, key: { id, requestsPerMinute, concurrentRequests } }
}

const minute = 60_000 // ms

async function noteUse(db: Database, id: Id<'apiKey'>): Promise<void> {
  const before = or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, sql`now() - interval '1 minute'`))
  await db
    .update(apiKeys)
    .set({ lastUsedAt: sql`now()` })
    .where(and(eq(apiKeys.id, id), before))
}
