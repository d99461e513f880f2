/** The parts of JSON text that every value is made of. */
import { character } from '../grammar/characters.ts'
import {
  byte,
  choice,
  type Expression,
  empty,
  oneOf,
  optional,
  repetition,
  sequence,
  text,
} from '../grammar/expression.ts'

/**
 * White space between tokens: a space, and a line break with indentation, ten levels deep. Left free, a model may go on with
 * blanks until its tokens are used up.
 */
export const blank = sequence(
  optional(text(' ')),
  optional(sequence(optional(text('\r')), text('\n'), repetition(oneOf(' \t'), 0, 20))),
)

const hex = choice(byte(0x30, 0x39), byte(0x41, 0x46), byte(0x61, 0x66))
const high = sequence(oneOf('dD'), oneOf('89abAB'), hex, hex)
const low = sequence(oneOf('dD'), oneOf('cdefCDEF'), hex, hex)
// Four digits that are no surrogate: any first digit but d; or d and below 8.
const single = choice(
  sequence(choice(byte(0x30, 0x39), oneOf('abcefABCEF')), hex, hex, hex),
  sequence(oneOf('dD'), byte(0x30, 0x37), hex, hex),
)
const escaped = sequence(
  text('\\'),
  choice(oneOf('"\\/bfnrt'), sequence(text('u'), choice(single, sequence(high, text('\\u'), low)))),
)

/** Code points that stand for themselves within a string. */
export const plain = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x10ffff],
] as const

/** One character of a string, plain or escaped. Half of a surrogate pair is none. */
export const stringCharacter = choice(character(plain), escaped)

export const quoted = (content: Expression): Expression => sequence(text('"'), content, text('"'))

export const anyString = quoted(repetition(stringCharacter, 0, Infinity))

// As many digits as a 64-bit integer has; a model that begins to count must come to an end.
export const mostDigits = 19

export const digit = byte(0x30, 0x39)
export const digits = (min: number, max: number) => repetition(digit, min, max)

const whole = sequence(
  optional(text('-')),
  choice(text('0'), sequence(byte(0x31, 0x39), digits(0, mostDigits - 1))),
)
const fraction = sequence(text('.'), digits(1, mostDigits))
// Two digits: 1e99 is finite wherever it is read.
const exponent = sequence(oneOf('eE'), optional(oneOf('+-')), digits(1, 2))

export const anyInteger = whole
export const anyNumber = sequence(whole, optional(fraction), optional(exponent))

/** Between brackets or braces; each item of the content ends with its own blank. */
export const enclosed = (open: string, content: Expression, close: string): Expression =>
  sequence(text(open), blank, content, text(close))

export const comma = sequence(text(','), blank)
export const colon = sequence(text(':'), blank)

/** `item` after `item`, `min` to `max` of them. */
export function list(item: Expression, min: number, max: number): Expression {
  if (max === 0) return empty
  const items = sequence(item, repetition(sequence(comma, item), Math.max(0, min - 1), max - 1))
  return min === 0 ? optional(items) : items
}
