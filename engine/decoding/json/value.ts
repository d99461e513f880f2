import { choice, type Expression, repetition, sequence, text } from '../grammar/expression.ts'
import { anyNumber, anyString, blank, colon, comma, enclosed, list } from './text.ts'

/** A member of an object; `key` with its quotes. */
export const member = (key: Expression, value: Expression): Expression => sequence(key, colon, value, blank)

/** Any JSON value. Objects and arrays hold values themselves. */
export const anyValue: Expression = choice(
  { op: 'rule', get: () => anyObject },
  { op: 'rule', get: () => anyArray },
  anyString,
  anyNumber,
  ...['true', 'false', 'null'].map(text),
)

export const anyObject = enclosed('{', list(member(anyString, anyValue), 0, Infinity), '}')
const anyArray = enclosed('[', list(sequence(anyValue, blank), 0, Infinity), ']')

/** Exactly this value. */
export function literal(value: unknown): Expression {
  if (typeof value !== 'object' || value === null) return text(JSON.stringify(value))
  if (Array.isArray(value))
    return enclosed('[', joined(value.map((item) => sequence(literal(item), blank))), ']')
  const members = Object.entries(value).map(([key, item]) => member(literal(key), literal(item)))
  return enclosed('{', joined(members), '}')
}

/** These items, in their order. */
export const joined = (items: readonly Expression[]): Expression =>
  sequence(...items.flatMap((item, i) => (i === 0 ? [item] : [comma, item])))

export type Member = { key: string; value: Expression; required: boolean }

/** An object with these members in their order, and then any number of `others`, which are members too. */
export function objectOf(members: readonly Member[], others: Expression): Expression {
  // What may come from the last member on backwards: where it is the first of the object, and where others stand before it.
  let first = list(others, 0, Infinity)
  let later = repetition(sequence(comma, others), 0, Infinity)
  for (const { key, value, required } of members.toReversed()) {
    const one = member(literal(key), value)
    const [asFirst, asLater] = [sequence(one, later), sequence(comma, one, later)]
    first = required ? asFirst : choice(asFirst, first)
    later = required ? asLater : choice(asLater, later)
  }
  return enclosed('{', first, '}')
}
