import { z } from 'zod'
import type { Id } from './ids.ts'

/** A model that answers: a base model, or `ft:<base>:<suffix>:<id>` for a tuned one. */
export const Model = z
  .object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .meta({ id: 'Model' })
export type Model = z.infer<typeof Model>

export const ModelDeleted = z
  .object({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })
  .meta({ id: 'ModelDeleted' })
export type ModelDeleted = z.infer<typeof ModelDeleted>

// Of an id's own 24 letters, 5 bits each: 60 bits, short enough to type and never met twice.
const idLength = 12

/** What a tuned model is called: `ft:<base>:<suffix>:<id>`, the suffix empty when there is none. */
export const tunedModelId = (base: string, suffix: string | null | undefined, made: Id<'job' | 'adapter'>) =>
  `ft:${base}:${suffix ?? ''}:${made.split(/[-_]/)[1]!.slice(0, idLength)}`
