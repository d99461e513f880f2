/** Who may do what: projects, the keys to them, and the log of what was done with the keys. */
import { z } from 'zod'
import { idOf } from './ids.ts'

/**
 * What a key is for. `read`: see what is there; `write`: make, change and delete it; `serve`: have models answer;
 * `admin`: projects, keys, the audit log, base models and metrics.
 */
export const Scope = z.enum(['read', 'write', 'serve', 'admin'])
export type Scope = z.infer<typeof Scope>

const name = z.string().max(100).regex(/\S/, 'expected a name').trim()

export const ProjectRequest = z.strictObject({ name }).meta({ id: 'ProjectRequest' })
export type ProjectRequest = z.infer<typeof ProjectRequest>

export const Project = z
  .object({
    id: idOf('project'),
    object: z.literal('organization.project'),
    created_at: z.int(),
    name: z.string(),
    status: z.enum(['active', 'archived']),
    archived_at: z.int().nullable(),
  })
  .meta({ id: 'Project' })
export type Project = z.infer<typeof Project>

const limit = z.int().min(1).max(1_000_000).nullish()

export const ApiKeyRequest = z
  .strictObject({
    name,
    scopes: z
      .array(Scope)
      .min(1)
      .transform((scopes) => Scope.options.filter((scope) => scopes.includes(scope)))
      .default(['read', 'write', 'serve']),
    /** null, or left out: as many as there are. */
    requests_per_minute: limit,
    /** At the same time, in each process of a service. */
    concurrent_requests: limit,
    expires_in_seconds: z
      .int()
      .min(1)
      .max(10 * 365 * 24 * 3600)
      .nullish(),
  })
  .meta({ id: 'ApiKeyRequest' })
export type ApiKeyRequest = z.infer<typeof ApiKeyRequest>

export const ApiKey = z
  .object({
    id: idOf('apiKey'),
    object: z.literal('organization.project.api_key'),
    created_at: z.int(),
    project_id: idOf('project'),
    name: z.string(),
    /** How the key begins; no more of it is known. */
    redacted_value: z.string(),
    scopes: z.array(Scope),
    requests_per_minute: z.int().nullable(),
    concurrent_requests: z.int().nullable(),
    /** To the minute. */
    last_used_at: z.int().nullable(),
    expires_at: z.int().nullable(),
    revoked_at: z.int().nullable(),
  })
  .meta({ id: 'ApiKey' })
export type ApiKey = z.infer<typeof ApiKey>

export const NewApiKey = ApiKey.extend({
  /** The key itself: it is shown this once. */
  value: z.string(),
}).meta({ id: 'NewApiKey' })
export type NewApiKey = z.infer<typeof NewApiKey>

export const ApiKeyDeleted = z
  .object({
    id: z.string(),
    object: z.literal('organization.project.api_key.deleted'),
    deleted: z.literal(true),
  })
  .meta({ id: 'ApiKeyDeleted' })

export const AuditLogEntry = z
  .object({
    id: idOf('auditLog'),
    object: z.literal('audit_log'),
    effective_at: z.int(),
    /** The method and the route, as in `DELETE /v1/files/{id}`. */
    type: z.string(),
    /** null: there were no keys yet. */
    actor: z.object({ type: z.literal('api_key'), api_key: z.object({ id: idOf('apiKey') }) }).nullable(),
    project: z.object({ id: idOf('project') }),
    /** What the request named or made. */
    subject: z.string().nullable(),
    status: z.int(),
    request_id: z.string(),
  })
  .meta({ id: 'AuditLogEntry' })
export type AuditLogEntry = z.infer<typeof AuditLogEntry>
