import { DrizzleQueryError } from 'drizzle-orm'

/** Errors of queries, and what caused them, hold the values that were written: secrets, and text. These go. */
export function withoutValues(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof DrizzleQueryError) {
      const values = `\nparams: ${at.params}`
      at.message = at.message.replace(values, '')
      at.stack = at.stack?.replace(values, '')
      at.params = []
    }
    // Of Postgres: `Failing row contains (…)`.
    if ('detail' in at) at.detail = undefined
  }
  return error
}
