/** Parts of a route's declaration that recur in every service. */
import type { z } from '@hono/zod-openapi'

/** An answer in JSON. */
export const json = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { 'application/json': { schema } },
})

/** A request in JSON. Were it not required, a body that does not say it is JSON would not be validated at all. */
export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true as const,
  content: { 'application/json': { schema } },
})
