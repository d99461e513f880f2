/** Parts of a route's declaration that recur in every service. */
import { z } from '@hono/zod-openapi'

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

/** A request in JSON that may have no body at all, which is then `{}`, without defaults. */
export const optionalJsonBody = <T extends z.ZodType>(schema: T) => ({
  required: false as const,
  content: { 'application/json': { schema } },
})

const refTo = (id: string) => ({ $ref: `#/components/schemas/${id}` })

/** An answer in server-sent events: the schema, called `id` in the description, is of each one's `data`. */
export const eventStream = (id: string) => ({
  'text/event-stream': {
    schema: z.object({
      data: z.union([
        z.literal('[DONE]'),
        z.string().meta({
          description: 'The JSON of an event, or of the error that ends the stream',
          contentMediaType: 'application/json',
          contentSchema: { anyOf: [refTo(id), refTo('Error')] },
        }),
      ]),
    }),
  },
})
