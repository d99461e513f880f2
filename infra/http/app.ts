/** The Hono app every service starts from: validation, errors, request ids, logs, probes and its OpenAPI document. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { getPath } from 'hono/utils/url'
import { ApiError } from '../../contract/errors.ts'
import type { Caller } from '../access/caller.ts'
import type { Database } from '../db/client.ts'
import type { Log } from '../log.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { addDescription } from './description.ts'
import { answerError, fromUnstorable, fromZod, toApiError } from './errors.ts'
import { guard } from './guard.ts'
import { idempotency } from './idempotency.ts'
import type { Claim } from './kept-answers.ts'
import { knownQuery } from './known-query.ts'
import { Lifetime } from './lifetime.ts'
import { limitBody } from './limit-body.ts'
import { observe } from './observe.ts'
import { addProbes, type Checks } from './probes.ts'
import { findUnstorable } from './unstorable.ts'

export type HttpEnv = {
  Variables: {
    requestId: string
    /** Whose request it is; not on paths that are open to all. */
    caller: Caller
    /** The work on a request with an `Idempotency-Key`. */
    claim?: Claim
    /** The answer holds what is shown once, and is kept nowhere. */
    secret?: true
    /** What a handler adds to the request's line in the log: names, counts, durations; never text or keys. */
    told: Record<string, string | number>
    /** Resolves when a streamed answer has ended; absent, the answer is whole when the handler returns. */
    streamed?: Promise<void>
  }
}
export type HttpApp = OpenAPIHono<HttpEnv>

/** What a service has of its process. */
export type HostDeps = {
  log: Log
  version: string
  /** Shared by all that is on one port; absent, its own. */
  metrics?: Metrics
  /** Of the server it is served by; absent, one without end. */
  lifetime?: Lifetime
}

type Service = HostDeps & { db: Database; name: string; ready?: Checks }

const modelPath = /^(\/v1\/(?:base_)?models\/)(.+)$/

/** A model's id may have slashes, and few clients encode them: they are made one segment of the path. */
const pathOf = (request: Request) =>
  getPath(request).replace(modelPath, (_, route: string, id: string) => route + id.replaceAll('/', '%2F'))

/** An app without routes of its own; `/healthz`, `/readyz`, `/metrics` and `/openapi.json` answer. */
export function createHttpApp(service: Service): HttpApp {
  const { name, version, log } = service
  const { metrics = createMetrics(), lifetime = new Lifetime(), ready = {} } = service
  const watched = { name, version, log, metrics, lifetime, ready }
  const app = new OpenAPIHono<HttpEnv>({
    getPath: pathOf,
    defaultHook: (result, c) => {
      if (!result.success) return answerError(c, fromZod(result.error))
      if (result.target === 'json' && c.req.header('content-type') === undefined)
        return answerError(c, new ApiError('invalid_value', 'the request has no body; expected JSON'))
      const unstorable = findUnstorable(result.data)
      if (unstorable) return answerError(c, fromUnstorable(unstorable))
    },
  })
  app.use(observe(watched), limitBody, guard(service), knownQuery(app), idempotency(service))
  app.onError((thrown, c) => {
    const error = toApiError(thrown)
    if (error.code === 'server_error' || error.code === 'unavailable') {
      log.error(
        { request: c.var.requestId, method: c.req.method, path: c.req.path, err: thrown },
        'request failed',
      )
    }
    return answerError(c, error)
  })
  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path)
    if (allowed.length > 0) {
      c.header('allow', allowed.join(', '))
      const message = `${c.req.path} takes ${allowed.join(' and ')}, and no ${c.req.method}`
      return answerError(c, new ApiError('method_not_allowed', message))
    }
    const message = `unknown request: ${c.req.method} ${c.req.path}; /openapi.json lists what there is`
    return answerError(c, new ApiError('unknown_url', message))
  })
  addProbes(app, watched)
  addDescription(app, service)
  return app
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** What a path can be asked by; nothing: there is no such path. One that is declared itself is not asked for as an id. */
function methodsOf(app: HttpApp, path: string): string[] {
  const found = methods.flatMap((method) =>
    app.router
      .match(method, path)[0]
      .filter(([[, route]]) => route.method === method)
      .map(([[, route]]) => route),
  )
  const own = found.filter((route) => route.path === path)
  return [...new Set((own.length > 0 ? own : found).map(({ method }) => method))]
}
