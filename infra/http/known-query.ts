/** A parameter that the description of a route does not have is refused, as unknown fields of bodies are: it would do nothing. */
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
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
      const unknown = known && given.find((name) => !known.includes(nameOf(name)))
      if (unknown !== undefined)
        throw new ApiError('invalid_value', `${unknown}: there is no such parameter${list(known!)}`, {
          param: unknown,
        })
    }
    await next()
  }
}

/** Of a parameter that is an object, each `metadata[…]` is declared as `metadata[key]`; `metadata[]` would be an array. */
const nameOf = (name: string) => name.replace(/\[.+\]$/s, '[key]')

const list = (known: readonly string[]) => (known.length > 0 ? `; there are: ${known.join(', ')}` : '')

type Operation = { parameters?: { name: string; in: string; style?: string }[] }

function declaredBy(app: HttpApp): Map<string, readonly string[]> {
  const { paths } = app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
  return new Map(
    Object.entries((paths ?? {}) as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => [
        `${method.toUpperCase()} ${path.replaceAll(/\/\{(.+?)\}/g, '/:$1')}`,
        parameters
          .filter((parameter) => parameter.in === 'query')
          .flatMap(({ name, style }) => (style === 'deepObject' ? [name, `${name}[key]`] : [name])),
      ]),
    ),
  )
}
