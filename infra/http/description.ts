/** `/openapi.json`: what the routes declare, and what any of them may answer besides. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { HttpEnv } from './app.ts'
import { errors } from './errors.ts'

type Operation = {
  responses: Record<string, unknown>
  parameters?: unknown[]
}

const ofAny = [400, 401, 403, 429, 431, 503] as const
const ofPosts = [409, 413] as const

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Sent again with the same key within a day, the request is answered as the first time, and done once',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
}

/** Answers `/openapi.json`. */
export function addDescription(
  app: OpenAPIHono<HttpEnv>,
  { name, version }: { name: string; version: string },
): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' })
  app.get('/openapi.json', (c) => {
    const document = app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: { title: `Preamble ${name}`, version },
      security: [{ key: [] }],
    })
    for (const methods of Object.values((document.paths ?? {}) as Record<string, Record<string, Operation>>))
      for (const [method, operation] of Object.entries(methods)) complete(method, operation)
    return c.json(document)
  })
}

function complete(method: string, operation: Operation): void {
  const statuses = method === 'post' ? [...ofAny, ...ofPosts] : ofAny
  operation.responses = { ...described(statuses), ...operation.responses }
  if (method === 'post') operation.parameters = [...(operation.parameters ?? []), idempotencyKey]
}

/** The answers as the document has them, where the schema of errors has its name. */
const described = (statuses: readonly (typeof ofAny | typeof ofPosts)[number][]) =>
  Object.fromEntries(
    Object.entries(errors(...statuses)).map(([status, { description }]) => [
      status,
      {
        description,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  )
