import { choice, type Expression, nothing, repetition, sequence, text } from '../grammar/expression.ts'
import {
  alone,
  at,
  countsAt,
  invalid,
  isOfType,
  isSchema,
  listAt,
  namedTypes,
  numberAt,
  type Place,
  placesAt,
  restrictedTypes,
  restrictions,
  type Schema,
  type Type,
  target,
} from './keywords.ts'
import { numberBetween } from './number.ts'
import { formats, stringLike } from './pattern.ts'
import { stringOfLength, stringOtherThan } from './string.ts'
import { anyInteger, anyNumber, anyString, blank, comma, enclosed, list } from './text.ts'
import { anyValue, joined, literal, type Member, member, objectOf } from './value.ts'

/**
 * The texts of values that a JSON Schema allows. Members come in the order of `properties`; where `additionalProperties` is
 * left out beside them, or `items` beside `prefixItems`, there are no others: nobody waits for what a schema does not name.
 * @throws InputError `invalid_format` that names the keyword and where it stands
 */
export function schemaExpression(root: unknown): Expression {
  const known = new Map<Schema, Expression>()

  /** @param around the schemas that this one is a part of, as far as they are about the same value */
  function read({ schema, path }: Place, around: readonly unknown[] = []): Expression {
    if (schema === true) return anyValue
    if (schema === false) return nothing
    if (!isSchema(schema)) throw invalid(path, 'a schema is an object or a boolean')
    if (around.includes(schema)) throw invalid(path, '"$ref" leads back to itself')
    const before = known.get(schema)
    if (before) return before
    known.set(schema, { op: 'rule', get: () => known.get(schema)! })
    const found = readSchema(schema, path, [...around, schema])
    if (found === nothing) throw invalid(path, 'no value meets this schema')
    known.set(schema, found)
    return found
  }

  function readSchema(schema: Schema, path: string, around: readonly unknown[]): Expression {
    if (restrictions(schema).length === 0) return anyValue
    if ('$ref' in schema) {
      alone(schema, '$ref', path)
      return read(target(root, schema, path), around)
    }
    if ('anyOf' in schema) {
      alone(schema, 'anyOf', path)
      return choice(...placesAt(schema, 'anyOf', path).map((place) => read(place, around)))
    }
    const types = namedTypes(schema, path)
    for (const keyword of ['const', 'enum']) {
      if (!(keyword in schema)) continue
      alone(schema, keyword, path, ['type'])
      const values = keyword === 'const' ? [schema.const] : listAt(schema, 'enum', path)
      const fits = (value: unknown) => !types || types.some((type) => isOfType(type, value))
      return choice(...values.filter(fits).map(literal))
    }
    const restricted = restrictedTypes(schema, path)
    return choice(...(types ?? restricted).map((type) => readType(type, schema, path)))
  }

  function readType(type: Type, schema: Schema, path: string): Expression {
    switch (type) {
      case 'object':
        return readObject(schema, path)
      case 'array':
        return readArray(schema, path)
      case 'string':
        return readString(schema, path)
      case 'number':
      case 'integer':
        return readNumber(type, schema, path)
      case 'boolean':
        return choice(text('true'), text('false'))
      case 'null':
        return text('null')
    }
  }

  function readObject(schema: Schema, path: string): Expression {
    const { properties = {} } = schema
    if (!isSchema(properties)) throw invalid(at(path, 'properties'), 'expected an object')
    const required = listAt(schema, 'required', path)
    const members: Member[] = Object.entries(properties).map(([key, schema]) => ({
      key,
      value: read({ schema, path: at(at(path, 'properties'), key) }),
      required: required.includes(key),
    }))
    const open = schema.additionalProperties ?? members.length === 0
    const other = read({ schema: open, path: at(path, 'additionalProperties') })
    for (const key of required) {
      if (typeof key !== 'string') throw invalid(at(path, 'required'), 'expected names of properties')
      if (!members.some((member) => member.key === key)) members.push({ key, value: other, required: true })
    }
    return objectOf(members, member(stringOtherThan(members.map(({ key }) => key)), other))
  }

  function readArray(schema: Schema, path: string): Expression {
    const [min, max] = countsAt(schema, 'minItems', 'maxItems', path)
    const item = (place: Place) => sequence(read(place), blank)
    const first = placesAt(schema, 'prefixItems', path).slice(0, max).map(item)
    const rest = item({ schema: schema.items ?? first.length === 0, path: at(path, 'items') })
    const [least, most] = [Math.max(0, min - first.length), max - first.length]
    if (first.length === 0) return enclosed('[', list(rest, least, most), ']')
    return enclosed('[', sequence(joined(first), repetition(sequence(comma, rest), least, most)), ']')
  }

  return read({ schema: root, path: '$' })
}

function readString(schema: Schema, path: string): Expression {
  const [min, max] = countsAt(schema, 'minLength', 'maxLength', path)
  const { format, pattern = formatPattern(format, path) } = schema
  if (pattern !== undefined) {
    if (min > 0 || max < Infinity)
      throw invalid(path, 'a length beside "pattern" or "format" is not supported')
    if (typeof pattern !== 'string') throw invalid(at(path, 'pattern'), 'expected a string')
    try {
      return stringLike(pattern)
    } catch (error) {
      throw invalid(at(path, 'pattern'), (error as Error).message)
    }
  }
  return min === 0 && max === Infinity ? anyString : stringOfLength(min, max)
}

/** A `pattern` beside it says more than a format; alone, a format is its own pattern. */
function formatPattern(format: unknown, path: string): string | undefined {
  if (format === undefined) return undefined
  if (typeof format === 'string' && Object.hasOwn(formats, format)) return formats[format]
  const known = Object.keys(formats).join(', ')
  throw invalid(at(path, 'format'), `${JSON.stringify(format)} is not supported; known are ${known}`)
}

function readNumber(type: 'number' | 'integer', schema: Schema, path: string): Expression {
  const [min = -Infinity, max = Infinity, minOut = -Infinity, maxOut = Infinity] = [
    ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].map((word) =>
      numberAt(schema, word, path),
    ),
  ]
  const fraction = type === 'number'
  const bounds = {
    min: Math.max(min, minOut),
    max: Math.min(max, maxOut),
    minIsOut: minOut >= min,
    maxIsOut: maxOut <= max,
  }
  if (bounds.min === -Infinity && bounds.max === Infinity) return fraction ? anyNumber : anyInteger
  return numberBetween(bounds, fraction)
}
