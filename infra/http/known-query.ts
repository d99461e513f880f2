/** A parameter that a route does not declare is refused, as are unknown fields of bodies: a misspelt one would do nothing. */
import type { RouteConfig } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { ZodObject } from 'zod'
import { ApiError } from '../../contract/errors.ts'
import type { HttpApp, HttpEnv } from './app.ts'

export function knownQuery(app: HttpApp): MiddlewareHandler<HttpEnv> {
  /** By method and path, as Hono has them; made at the first request, when all routes are there. */
  let declared: Map<string, readonly string[]> | undefined

  return async (c, next) => {
    const given = Object.keys(c.req.queries())
    if (given.length > 0) {
      declared ??= declaredBy(app)
      const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'))
      const known = route && declared.get(`${route.method} ${route.path}`)
      const unknown = known && given.find((name) => !known.includes(name))
      if (unknown !== undefined)
        throw new ApiError('invalid_value', `${unknown}: there is no such parameter${list(known!)}`, {
          param: unknown,
        })
    }
    await next()
  }
}

const list = (known: readonly string[]) => (known.length > 0 ? `; there are: ${known.join(', ')}` : '')

const declaredBy = ({ openAPIRegistry }: HttpApp) =>
  new Map(
    openAPIRegistry.definitions
      .filter((definition) => definition.type === 'route')
      .map(({ route }) => [keyOf(route), Object.keys((route.request?.query as ZodObject)?.shape ?? {})]),
  )

const keyOf = ({ method, path }: RouteConfig) =>
  `${method.toUpperCase()} ${path.replaceAll(/\/\{(.+?)\}/g, '/:$1')}`
