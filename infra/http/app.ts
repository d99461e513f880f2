/** The Hono app every service starts from: validation, errors, request ids, health and its own OpenAPI document. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { requestId } from 'hono/request-id'
import { getPath } from 'hono/utils/url'
import { ApiError } from '../../contract/errors.ts'
import type { Log } from '../log.ts'
import { answerError, fromZod, toApiError } from './errors.ts'

export type HttpEnv = { Variables: { requestId: string } }
export type HttpApp = OpenAPIHono<HttpEnv>

type Service = { name: string; version: string; log: Log }

const modelPath = /^(\/v1\/(?:base_)?models\/)(.+)$/

/** A model's id may have slashes, and few clients encode them: they are made one segment of the path. */
const pathOf = (request: Request) =>
  getPath(request).replace(modelPath, (_, route: string, id: string) => route + id.replaceAll('/', '%2F'))

/** An app without routes of its own; `/healthz` and `/openapi.json` answer. */
export function createHttpApp({ name, version, log }: Service): HttpApp {
  const app = new OpenAPIHono<HttpEnv>({
    getPath: pathOf,
    defaultHook: (result, c) => {
      if (!result.success) return answerError(c, fromZod(result.error))
    },
  })
  const identify = requestId()
  app.use(async (c, next) => {
    // Mounted in another app of ours, which has done this already.
    if (c.var.requestId) return next()
    await identify(c, async () => {
      const start = performance.now()
      await next()
      const ms = Math.round(performance.now() - start)
      log.debug(
        { request: c.var.requestId, method: c.req.method, path: c.req.path, status: c.res.status, ms },
        'request',
      )
    })
  })
  app.onError((thrown, c) => {
    const error = toApiError(thrown)
    if (error.status >= 500) {
      log.error(
        { request: c.var.requestId, method: c.req.method, path: c.req.path, err: thrown },
        'request failed',
      )
    }
    return answerError(c, error)
  })
  app.notFound((c) => {
    const message = `unknown request: ${c.req.method} ${c.req.path}; /openapi.json lists what there is`
    return answerError(c, new ApiError('unknown_url', message))
  })
  app.get('/healthz', (c) => c.json({ status: 'ok', service: name, version }))
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: `Preamble ${name}`, version } })
  return app
}
