/** Lets a request in, or not: whose it is, what its key is for, how much it may ask; and keeps the audit log. */
import type { Context, HonoRequest, MiddlewareHandler } from 'hono'
import { ApiError } from '../../contract/errors.ts'
import { noteDeed } from '../access/audit.ts'
import { type Caller, findCaller, firstProject, type InProject } from '../access/caller.ts'
import { createLimits, type Minute, tooManyAMinute, tooManyAtOnce } from '../access/limits.ts'
import { isLocal } from '../access/loopback.ts'
import { isForOperators, neededScope } from '../access/scopes.ts'
import type { Database } from '../db/client.ts'
import type { Log } from '../log.ts'
import type { HttpEnv } from './app.ts'
import { answerError } from './errors.ts'
import { type Keep, keepIn } from './idempotency.ts'
import { routeOf } from './observe.ts'

/** Paths that say nothing of anybody. */
const open: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/openapi.json'])

/** What the work on a request needs, the project that it is done in, and how what it makes is made once. */
export const forCaller = <D extends object>(
  c: Context<HttpEnv>,
  deps: D,
): D & InProject & { keep: Keep } => ({
  ...deps,
  project: c.var.caller.project,
  keep: keepIn(c),
})

export function guard({ db, log }: { db: Database; log: Log }): MiddlewareHandler<HttpEnv> {
  const limits = createLimits(db)

  /** Lets the request in, and out when its answer has ended. Answers why not. */
  async function admit(c: Context<HttpEnv>, minute: Minute | undefined, next: () => Promise<void>) {
    const { caller } = c.var
    if (minute && minute.remaining < 0) return tooManyAMinute(minute)
    const forbidden = whyForbidden(caller, c.req) ?? whyFromOutside(caller, c.req)
    if (forbidden) return forbidden
    if (!caller.key) return void (await next())
    const { key } = caller
    if (!limits.enter(key)) return tooManyAtOnce(key)
    try {
      await next()
    } finally {
      const { streamed } = c.var
      if (streamed) void streamed.then(() => limits.leave(key))
      else limits.leave(key)
    }
  }

  return async (c, next) => {
    // Mounted in another app of ours, which has done this already.
    if (c.var.caller || open.has(c.req.path)) return next()
    const caller = await findCaller(db, c.req.header('authorization'))
    c.set('caller', caller)
    const minute = caller.key ? await limits.count(caller.key) : undefined
    const refusal = await admit(c, minute, next)
    if (refusal) c.res = answerError(c, refusal)
    if (minute) {
      c.header('x-ratelimit-limit-requests', String(minute.limit))
      c.header('x-ratelimit-remaining-requests', String(Math.max(minute.remaining, 0)))
      c.header('x-ratelimit-reset-requests', `${minute.seconds}s`)
    }
    if (isDeed(c))
      await noteDeed(db, caller, {
        ...{ method: c.req.method, route: routeOf(c), subject: await subjectOf(c) },
        ...{ status: c.res.status, requestId: c.var.requestId },
      }).catch((error: unknown) =>
        log.error({ request: c.var.requestId, err: error }, 'not in the audit log'),
      )
  }
}

function whyForbidden({ project, scopes }: Caller, { method, path }: { method: string; path: string }) {
  const needed = neededScope(method, path)
  if (!scopes.includes(needed))
    return new ApiError(
      'insufficient_permissions',
      `this takes a key of scope ${needed}, and this one has ${scopes.join(', ')}`,
    )
  if (isForOperators(method, path) && project !== firstProject)
    return new ApiError(
      'insufficient_permissions',
      'this concerns all projects: it takes a key of the first project',
    )
}

/** While everybody may do everything, everybody is on this machine. */
function whyFromOutside({ key }: Caller, request: HonoRequest) {
  if (key !== null || isLocal(request.url, request.header('origin'))) return undefined
  return new ApiError(
    'insufficient_permissions',
    'this server has no API keys, and answers only what comes from its own machine, to localhost; `preamble keys create` makes the first key',
  )
}

/** What changes something, and what was not allowed; answers of models have their place in the request log. */
const isDeed = (c: Context<HttpEnv>): boolean =>
  c.res.status === 403 ||
  (!['GET', 'HEAD', 'OPTIONS'].includes(c.req.method) && neededScope(c.req.method, c.req.path) !== 'serve')

/** What the path names, or what was made. */
async function subjectOf(c: Context<HttpEnv>): Promise<string | undefined> {
  const named = Object.values(c.req.param())
  if (named.length > 0) return named.join(' ')
  if (!c.res.ok || !c.res.headers.get('content-type')?.startsWith('application/json')) return undefined
  const { id } = (await c.res.clone().json()) as { id?: unknown }
  return typeof id === 'string' ? id : undefined
}
