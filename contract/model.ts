import { z } from 'zod'

/** A model that answers: a base model, or `ft:<base>:<suffix>:<id>` for a tuned one. */
export const Model = z
  .object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .meta({ id: 'Model' })
export type Model = z.infer<typeof Model>

export const ModelDeleted = z
  .object({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })
  .meta({ id: 'ModelDeleted' })
export type ModelDeleted = z.infer<typeof ModelDeleted>
