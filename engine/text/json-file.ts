import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * The JSON file at `path`, checked. Throws an Error that names the file and the key when it is missing,
 * is no JSON or does not fit.
 */
export function readJson<T extends z.ZodType>(path: string, schema: T): z.infer<T> {
  if (!existsSync(path)) throw new Error(`${path} does not exist`)
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path} is not JSON (${(error as Error).message})`)
  }
  const { data, error } = schema.safeParse(json)
  if (error) throw new Error(`${path} is not as expected: ${z.prettifyError(error)}`)
  return data as z.infer<T>
}

/** The same for a file that may be missing: then what an empty object gives. */
export const readJsonIfThere = <T extends z.ZodType>(path: string, schema: T): z.infer<T> =>
  existsSync(path) ? readJson(path, schema) : schema.parse({})
