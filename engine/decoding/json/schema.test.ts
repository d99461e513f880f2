import { expect, test } from 'vitest'
import { Automaton, type State } from '../grammar/automaton.ts'
import { schemaExpression } from './schema.ts'

/** Whether a schema's expression takes exactly this text. */
function takes(schema: unknown, text: string): boolean {
  const automaton = new Automaton()
  let state: State | null = automaton.start(schemaExpression(schema))
  for (const byte of new TextEncoder().encode(text)) state = state && automaton.step(state, byte)
  return state?.ends ?? false
}

test.each([
  [
    { type: 'number', minimum: 0.25, exclusiveMaximum: 3 },
    ['0.25', '0.3', '2', '2.999', '2.0'],
    ['0.2', '3', '3.0', '03', '1e0', '-1'],
  ],
  [
    { type: 'number', exclusiveMinimum: -1.5, maximum: 0 },
    ['-1.4', '0', '-0.0', '-1.49'],
    ['-1.5', '-1.50', '0.1', '-2'],
  ],
  [
    { type: 'number', minimum: 1e-7, maximum: 2e-7 },
    ['0.0000001', '0.00000015'],
    ['0', '0.0000003', '0.00000009'],
  ],
  [{ type: 'integer', minimum: 7 }, ['7', '10', '4096'], ['6', '-7', '7.0', '07']],
  [{ type: 'integer', minimum: -12, maximum: 105 }, ['-12', '-3', '0', '99', '105'], ['-13', '106', '1000']],
  [{ type: 'integer' }, ['0', '-5', '1234567890123456789'], ['1.5', '01', '1e3', '12345678901234567890']],
  [{ type: 'number' }, ['1e5', '-0.5E-10', '3'], ['.5', '1.', '1e999', '+1']],
  [
    { type: 'string', maxLength: 2 },
    ['""', '"😀é"', '"\\n\\u00e9"', '"\\ud83d\\ude00a"'],
    ['"abc"', '"\\ud83d"', '"\n"', '"\\x"'],
  ],
  [
    { const: { a: ['é', null] } },
    ['{"a":["é",null]}', '{ "a": [\n"é" , null] }'],
    ['{"a":["e",null]}', '{"a":[]}'],
  ],
  [{ type: ['integer', 'number'] }, ['1', '1.5'], ['"1"']],
  [{ enum: [1, 'a', null], type: ['string', 'null'] }, ['"a"', 'null'], ['1']],
  [
    { type: 'array', prefixItems: [{ const: 1 }, { const: 2 }], items: { const: 3 }, maxItems: 3 },
    ['[1,2]', '[1, 2, 3]'],
    ['[1]', '[1,2,3,3]'],
  ],
  [
    { type: 'object', properties: { a: { const: 1 } }, required: ['b'], additionalProperties: { const: 2 } },
    ['{"b":2}', '{"a":1,"b":2,"aa":2,"":2}'],
    ['{"a":1}', '{"b":2,"a":2}', '{"b":2,"\\u0061":2}'],
  ],
  [{ type: 'object', properties: { a: {} } }, ['{}', '{"a":[1]}'], ['{"b":1}']],
  [{ properties: { a: { $ref: '#' } }, additionalProperties: false }, ['{"a":{"a":{}}}'], ['{"a":1}']],
  [
    { type: 'string', pattern: '^(?:ab|[^\\d"x-z]{2,3})+\\s?$' },
    ['"ab"', '"éü"', '"多喝水"', '"ab\\n"', '"😀\\\\"'],
    ['"a1"', '"x"', '""', '"é"', '"a\\""'],
  ],
  [{ type: 'string', pattern: 'b+' }, ['"b"', '"abbc"', '"\\tb"'], ['"a"', '""']],
  [{ type: 'string', pattern: '^(a*)*b|c$' }, ['"aab"', '"bx"', '"xc"'], ['"aa"', '"cx"']],
  [{ type: 'string', format: 'date' }, ['"2024-04-30"'], ['"2024-04-31"', '"24-1-1"']],
  [
    { type: 'string', format: 'date-time' },
    ['"2024-04-30T23:59:00Z"', '"2024-04-30T00:00:00.5+02:00"'],
    ['"2024-04-30"', '"2024-04-30T24:00:00Z"'],
  ],
  [{ type: 'string', format: 'uuid' }, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123e4567"']],
  [{ type: 'string', format: 'email' }, ['"a.b@example.org"'], ['"a@b"', '".a@b.cc"']],
  [{ type: 'string', format: 'ipv4' }, ['"127.0.0.1"'], ['"256.0.0.1"', '"1.2.3"']],
])('%j', (schema, taken, refused) => {
  for (const text of taken) expect(takes(schema, text), text).toBe(true)
  for (const text of refused) expect(takes(schema, text), text).toBe(false)
})

test.each([
  [{ type: 'object', properties: { a: { not: {} } } }, '$.properties.a: keyword "not" is not supported'],
  [{ items: { uniqueItems: true } }, '$.items: keyword "uniqueItems" is not supported'],
  [
    { properties: { 'a b': { type: 'text' } } },
    '$.properties["a b"].type: "text" is not one of object, array, string',
  ],
  [{ anyOf: [{}, { oneOf: [] }] }, '$.anyOf[1]: keyword "oneOf" is not supported'],
  [{ anyOf: [{}], type: 'object' }, '$: keyword "type" beside "anyOf" is not supported'],
  [{ $ref: '#/$defs/a', $defs: {} }, '$.$ref: there is nothing at "#/$defs/a"'],
  [{ $ref: 'https://example.com/schema' }, '$.$ref: "https://example.com/schema" is not supported'],
  [
    { $defs: { a: { $ref: '#/$defs/b' }, b: { anyOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' },
    '"$ref" leads back to itself',
  ],
  [{ type: 'integer', exclusiveMinimum: 1, exclusiveMaximum: 2 }, '$: no value meets this schema'],
  [{ type: 'array', minItems: 3, maxItems: 2 }, '$: "minItems" is above "maxItems"'],
  [{ type: 'string', minLength: -1 }, '$.minLength: expected a whole number from 0 on'],
  [
    { type: 'object', properties: {}, required: ['a'], additionalProperties: false },
    '$: no value meets this schema',
  ],
  [{ items: 3 }, '$.items: a schema is an object or a boolean'],
  [{ type: 'string', pattern: '(?=a)b' }, '$.pattern: "(?=a)" is not supported'],
  [{ type: 'string', pattern: '(a' }, '$.pattern: Invalid regular expression'],
  [
    { type: 'string', pattern: 'a', maxLength: 3 },
    '$: a length beside "pattern" or "format" is not supported',
  ],
  [{ type: 'string', format: 'uri' }, '$.format: "uri" is not supported; known are date, time'],
])('%j is refused', (schema, message) => {
  expect(() => schemaExpression(schema)).toThrow(message)
})
