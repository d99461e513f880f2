/** Random schemas, and values that they allow: what tests of decoding draw from. */
import type { Random } from '../../random.ts'

export type Case = { schema: Record<string, unknown>; value(): unknown }

export const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)]!

const strings = [
  '',
  'a',
  '多喝水',
  'é😀',
  'say "hi"\n',
  'back\\slash/',
  '\u0000\u001f\u007f\u2028',
  'e\u0301 x',
]
const keys = ['a', 'ab', 'b', 'name', '年龄', 'a "b"', 'x\ny', '']

export function randomCase(random: Random, depth = 3): Case {
  const count = (below: number) => random.below(below)
  const leaf = [text, between, whole, fixed, any, oneOfTypes]
  return pick(random, depth === 0 ? leaf : [...leaf, list, tuple, object, object, union, tree])()

  function text(): Case {
    if (count(2) === 0) return { schema: { type: 'string' }, value: () => pick(random, strings) }
    const [minLength, more] = [count(3), count(4)]
    const value = () => [...'né"\\\n😀水z'].slice(0, minLength + count(more + 1)).join('')
    return { schema: { type: 'string', minLength, maxLength: minLength + more }, value }
  }
  function between(): Case {
    const size = 10 ** count(4)
    const [a, b] = [...random.normal(2, size)].map((x) => Number(x.toPrecision(4)))
    const [minimum, maximum] = [Math.min(a!, b!), Math.max(a!, b!)]
    return { schema: { type: 'number', minimum, maximum }, value: () => pick(random, [minimum, maximum]) }
  }
  function whole(): Case {
    const minimum = count(3000) - 1500
    const span = count(2000)
    const schema = { type: 'integer', exclusiveMinimum: minimum - 0.5, maximum: minimum + span }
    return { schema, value: () => minimum + count(span + 1) }
  }
  function fixed(): Case {
    const values = [pick(random, strings), count(1e6), -1.5e-7, null, true, { a: [1, {}] }, []]
    return { schema: { enum: values }, value: () => pick(random, values) }
  }
  function any(): Case {
    return {
      schema: {},
      value: () => pick(random, [null, [], {}, [[1, 'a']], { a: { b: [false] } }, 1e21, -0.25]),
    }
  }
  function oneOfTypes(): Case {
    return { schema: { type: ['boolean', 'null'] }, value: () => pick(random, [true, false, null]) }
  }
  function list(): Case {
    const item = randomCase(random, depth - 1)
    const [minItems, more] = [count(3), count(3)]
    const schema = { type: 'array', items: item.schema, minItems, maxItems: minItems + more }
    return { schema, value: () => Array.from({ length: minItems + count(more + 1) }, () => item.value()) }
  }
  function tuple(): Case {
    const items = [randomCase(random, depth - 1), randomCase(random, depth - 1)]
    const schema = { type: 'array', prefixItems: items.map(({ schema }) => schema), items: false }
    return { schema, value: () => items.map((item) => item.value()) }
  }
  function object(): Case {
    const names = keys.filter(() => count(2) === 0)
    const members = names.map((name) => ({ name, ...randomCase(random, depth - 1), needed: count(2) === 0 }))
    const open = count(2) === 0
    const other = randomCase(random, 0)
    const schema = {
      type: 'object',
      properties: Object.fromEntries(members.map(({ name, schema }) => [name, schema])),
      required: members.flatMap(({ name, needed }) => (needed ? [name] : [])),
      additionalProperties: open && other.schema,
    }
    const value = () =>
      Object.fromEntries([
        ...members.flatMap(({ name, needed, value }) => (needed || count(2) ? [[name, value()]] : [])),
        ...(open && count(2) ? [['abc', other.value()]] : []),
      ])
    return { schema, value }
  }
  function union(): Case {
    const options = [randomCase(random, depth - 1), randomCase(random, depth - 1)]
    return {
      schema: { anyOf: options.map(({ schema }) => schema) },
      value: () => pick(random, options).value(),
    }
  }
  /** One that holds itself. */
  function tree(): Case {
    const leaf = randomCase(random, 0)
    const node = (left: number): unknown => ({
      of: leaf.value(),
      parts: Array.from({ length: left && count(3) }, () => node(left - 1)),
    })
    const name = `tree${count(1e9)}`
    const properties = {
      of: leaf.schema,
      parts: { type: 'array', items: { $ref: `#/$defs/${name}` }, maxItems: 2 },
    }
    const definition = { type: 'object', properties, required: ['of', 'parts'], additionalProperties: false }
    return { schema: { $ref: `#/$defs/${name}`, $defs: { [name]: definition } }, value: () => node(2) }
  }
}

/** The schema with the definitions of all its parts at its root, where references look for them. */
export function withDefinitions(schema: Record<string, unknown>): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  const without = (part: unknown): unknown => {
    if (typeof part !== 'object' || part === null) return part
    if (Array.isArray(part)) return part.map(without)
    const { $defs, ...rest } = part as Record<string, unknown>
    Object.assign(found, without($defs))
    return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, without(value)]))
  }
  return { ...(without(schema) as Record<string, unknown>), $defs: found }
}
