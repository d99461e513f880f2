/** The words of JSON Schema: which are known, and reading them with errors that say where they stand. */
import { InputError } from '../../errors.ts'

export type Schema = Readonly<Record<string, unknown>>

/** A schema and where it stands, as a JSON path. */
export type Place = { schema: unknown; path: string }

const bounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const

/** The keywords that each type of value has. */
const keywords = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: bounds,
  integer: bounds,
  boolean: [],
  null: [],
} as const
export type Type = keyof typeof keywords
const types = Object.keys(keywords) as Type[]

/** Keywords that say nothing about what is valid. */
const annotations = new Set([
  ...['$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'default', 'examples'],
  ...['deprecated', 'readOnly', 'writeOnly'],
])

/** The keywords that restrict what is valid. */
export const restrictions = (schema: Schema): string[] =>
  Object.keys(schema).filter((keyword) => !annotations.has(keyword))

export const invalid = (path: string, message: string): InputError =>
  new InputError('invalid_format', `the schema at ${path}: ${message}`)

/** Throws when another restriction stands beside `keyword` than those of `beside`. */
export function alone(schema: Schema, keyword: string, path: string, beside: readonly string[] = []): void {
  const other = restrictions(schema).find((other) => other !== keyword && !beside.includes(other))
  if (other) throw invalid(path, `keyword "${other}" beside "${keyword}" is not supported`)
}

/** The types that a schema names; undefined when it names none. */
export function namedTypes(schema: Schema, path: string): Type[] | undefined {
  if (schema.type === undefined) return undefined
  const named = [schema.type].flat() as Type[]
  const stranger = named.find((type) => !types.includes(type))
  if (stranger !== undefined || named.length === 0)
    throw invalid(`${path}.type`, `${JSON.stringify(stranger ?? [])} is not one of ${types.join(', ')}`)
  // Every integer is a number.
  return named.filter((type) => type !== 'integer' || !named.includes('number'))
}

/** The types that a schema restricts. Throws on a keyword that restricts none. */
export function restrictedTypes(schema: Schema, path: string): Type[] {
  const has = (type: Type, keyword: string) => (keywords[type] as readonly string[]).includes(keyword)
  const given = restrictions(schema).filter((keyword) => keyword !== 'type')
  const stranger = given.find((keyword) => !types.some((type) => has(type, keyword)))
  if (stranger) throw invalid(path, `keyword "${stranger}" is not supported`)
  return types.filter((type) => type !== 'integer' && given.some((keyword) => has(type, keyword)))
}

export function isOfType(type: Type, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isSchema(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type // JSON Schema calls these as JavaScript does
  }
}

export const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A path's next step. */
export const at = (path: string, key: string | number): string =>
  typeof key === 'string' && /^[\w$]+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`

export function listAt(schema: Schema, keyword: string, path: string): readonly unknown[] {
  const list = schema[keyword] ?? []
  if (!Array.isArray(list)) throw invalid(at(path, keyword), 'expected an array')
  return list
}

export const placesAt = (schema: Schema, keyword: string, path: string): Place[] =>
  listAt(schema, keyword, path).map((schema, i) => ({ schema, path: at(at(path, keyword), i) }))

/** Two counts; 0 and infinite when they are left out. */
export function countsAt(schema: Schema, least: string, most: string, path: string): [number, number] {
  const count = (keyword: string, absent: number) => {
    const value = schema[keyword] ?? absent
    if (value === absent || (Number.isSafeInteger(value) && (value as number) >= 0)) return value as number
    throw invalid(at(path, keyword), 'expected a whole number from 0 on')
  }
  const [min, max] = [count(least, 0), count(most, Infinity)]
  if (min > max) throw invalid(path, `"${least}" is above "${most}"`)
  return [min, max]
}

export function numberAt(schema: Schema, keyword: string, path: string): number | undefined {
  const value = schema[keyword]
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
  throw invalid(at(path, keyword), 'expected a number')
}

/** What a `$ref` names, a JSON pointer within the schema. */
export function target(root: unknown, schema: Schema, path: string): Place {
  const { $ref: ref } = schema
  const where = at(path, '$ref')
  if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref))
    throw invalid(
      where,
      `${JSON.stringify(ref)} is not supported; a pointer within the schema begins with "#/"`,
    )
  let found: Place = { schema: root, path: '$' }
  for (const part of ref.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    const inner = found.schema as Record<string, unknown> | null
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key))
      throw invalid(where, `there is nothing at ${JSON.stringify(ref)}`)
    found = { schema: inner[key], path: at(found.path, key) }
  }
  return found
}
