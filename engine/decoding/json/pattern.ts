/** Strings that match a regular expression of JavaScript (with its flag u), as `pattern` has them. */
import { type AST, RegExpParser } from '@eslint-community/regexpp'
import { character, complement, intersection, type Range } from '../grammar/characters.ts'
import { choice, type Expression, repetition, sequence, text } from '../grammar/expression.ts'
import { plain, quoted } from './text.ts'

const parser = new RegExpParser()
const anything: Range[] = complement([])
/** @throws an Error that says what of it is not supported, or why it is no regular expression */
export function stringLike(pattern: string): Expression {
  const { alternatives } = parser.parsePattern(pattern, 0, pattern.length, { unicode: true })
  return quoted(choice(...alternatives.map(anchored)))
}

/** A pattern may match anywhere, except where it says that the string starts or ends. */
function anchored({ elements }: AST.Alternative): Expression {
  const [first, last] = [elements[0], elements.at(-1)]
  const starts = first?.type === 'Assertion' && first.kind === 'start'
  const ends = last?.type === 'Assertion' && last.kind === 'end'
  const rest = repetition(oneOfRanges(anything), 0, Infinity)
  const inner = elements.slice(starts ? 1 : 0, ends ? -1 : undefined).map(element)
  return sequence(...(starts ? [] : [rest]), ...inner, ...(ends ? [] : [rest]))
}

function element(node: AST.Element): Expression {
  switch (node.type) {
    case 'Group':
    case 'CapturingGroup':
      if (node.type === 'Group' && node.modifiers) throw unsupported(node)
      return choice(...node.alternatives.map(({ elements }) => sequence(...elements.map(element))))
    case 'Quantifier':
      return repetition(element(node.element), node.min, node.max)
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return oneOfRanges(ranges(node))
    default:
      throw unsupported(node)
  }
}

function ranges(node: AST.CharacterClassElement | AST.CharacterClass | AST.CharacterSet): Range[] {
  switch (node.type) {
    case 'Character':
      return [[node.value, node.value]]
    case 'CharacterClassRange':
      return [[node.min.value, node.max.value]]
    case 'CharacterClass': {
      const all = node.elements.flatMap(ranges)
      return node.negate ? complement(all) : all
    }
    case 'CharacterSet': {
      if (node.kind === 'property') throw unsupported(node)
      const all = node.kind === 'any' ? complement(points('\n\r\u2028\u2029')) : sets[node.kind]
      return node.kind !== 'any' && node.negate ? complement(all) : all
    }
    default:
      throw unsupported(node)
  }
}

const points = (characters: string) =>
  [...characters].map((one): Range => [one.codePointAt(0)!, one.codePointAt(0)!])
const digits: Range = [0x30, 0x39]
const sets = {
  digit: [digits],
  word: [digits, [0x41, 0x5a], [0x61, 0x7a], ...points('_')] as Range[],
  space: [
    [9, 13],
    [0x2000, 0x200a],
    ...points(' \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'),
  ] as Range[],
}

/** What cannot stand for itself in a string. */
const escaped = complement(plain)

/** One character of these, escaped only where it has to be. */
const oneOfRanges = (ranges: readonly Range[]): Expression =>
  choice(
    character(intersection(ranges, plain)),
    ...intersection(ranges, escaped).flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, i) =>
        text(JSON.stringify(String.fromCodePoint(from + i)).slice(1, -1)),
      ),
    ),
  )

const unsupported = ({ raw }: AST.Node) => new Error(`${JSON.stringify(raw)} is not supported`)

const month =
  '(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))'
const date = `\\d{4}-${month}`
const hour = '(?:[01]\\d|2[0-3]):[0-5]\\d'
const time = `${hour}:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-]${hour})`
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'

/** Patterns of strings that have these formats; not of all, as February has no 29th day in them. */
export const formats: Readonly<Record<string, string>> = {
  date: `^${date}$`,
  time: `^${time}$`,
  'date-time': `^${date}T${time}$`,
  uuid: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
  email: '^[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\\.)+[A-Za-z]{2,}$',
  ipv4: `^${octet}(?:\\.${octet}){3}$`,
}
