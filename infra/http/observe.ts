/** What is done around every request: its id, its line in the log, its place in the metrics, its span. */
import type { Context, MiddlewareHandler, Next } from 'hono'
import { requestId } from 'hono/request-id'
import { matchedRoutes } from 'hono/route'
import { ApiError } from '../../contract/errors.ts'
import { type Answered, inRequest } from '../traces/spans.ts'
import type { HttpEnv } from './app.ts'
import { answerError } from './errors.ts'
import { probes, type Watched } from './probes.ts'

const header = 'x-request-id'

/** Takes the client's own id when it is made of letters, digits, `-`, `_` and `=`, 255 at most; else makes one. */
const identify = requestId({ headerName: header })

export function observe({ log, metrics, lifetime }: Watched): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    // Mounted in another app of ours, which has done this already.
    if (c.var.requestId) return next()
    // Of those who watch the server nobody wants a trace.
    if (probes.has(c.req.path)) return around(c, next)
    await inRequest(c.req.raw.headers, (answered) => around(c, next, answered))
  }

  async function around(c: Context<HttpEnv>, next: Next, answered?: (answer: Answered) => void) {
    const start = performance.now()
    c.set('told', {})
    await identify(c, async () => {
      if (lifetime.draining && !probes.has(c.req.path)) c.res = answerError(c, stops())
      else await next()
      if (!c.res.headers.has(header)) c.header(header, c.var.requestId)
    })

    const { requestId, told, streamed } = c.var
    const { status } = c.res
    const { method, path } = c.req
    const route = routeOf(c)
    const tell = () => {
      const ms = performance.now() - start
      const line = { request: requestId, method, route, status, ms: Math.round(ms), ...told }
      if (probes.has(path)) log.debug(line, 'request')
      else log.info(line, 'request')
      metrics.answered({ method, route, status }, ms / 1000)
      answered?.({ requestId, method, route, status, error: told.error as string | undefined })
    }
    if (streamed) void streamed.then(tell)
    else tell()
  }
}

/** The route that answers, as it was declared: `/v1/files/:id`. */
export const routeOf = (c: Context<HttpEnv>): string =>
  matchedRoutes(c).findLast((matched) => !matched.path.endsWith('*'))?.path ?? 'unknown'

const stops = () =>
  new ApiError('shutting_down', 'the server stops and takes no new requests; ask again soon')
