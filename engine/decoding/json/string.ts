/** Strings with conditions. */
import { character, complement, intersection } from '../grammar/characters.ts'
import { choice, type Expression, nothing, repetition, sequence, text } from '../grammar/expression.ts'
import { plain, quoted, stringCharacter } from './text.ts'

/** Strings of `min` to `max` characters; an escaped character is one. */
export const stringOfLength = (min: number, max: number): Expression =>
  quoted(repetition(stringCharacter, min, max))

/** Any string but these. */
export const stringOtherThan = (strings: readonly string[]): Expression =>
  sequence(text('"'), restOtherThan(strings.map((string) => [...string])))

/** Escapes may come once the string can be none of these any more: they could spell one of their characters. */
function restOtherThan(strings: readonly string[][]): Expression {
  if (strings.length === 0) return sequence(repetition(stringCharacter, 0, Infinity), text('"'))
  const heads = [...new Set(strings.flatMap(([head]) => (head === undefined ? [] : [head])))]
  const points = heads.map((head) => [head.codePointAt(0)!, head.codePointAt(0)!] as const)
  const away = heads.length === 0 ? stringCharacter : character(intersection(plain, complement(points)))
  return choice(
    strings.some((string) => string.length === 0) ? nothing : text('"'),
    sequence(away, restOtherThan([])),
    ...heads.map((head, i) => {
      const tails = strings.filter((string) => string[0] === head).map((string) => string.slice(1))
      return sequence(character(intersection(plain, [points[i]!])), restOtherThan(tails))
    }),
  )
}
