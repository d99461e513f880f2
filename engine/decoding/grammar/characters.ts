/** Characters as the bytes of their UTF-8. */
import { byte, choice, type Expression, sequence } from './expression.ts'

/** Code points, both ends included. */
export type Range = readonly [from: number, to: number]

const lastPoint = 0x10ffff
// Last code points of one, two and three bytes, and the surrogates between, which UTF-8 does not have.
const blocks: readonly Range[] = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, lastPoint],
]

/** One character of these ranges. */
export const character = (ranges: readonly Range[]): Expression =>
  choice(...ranges.flatMap((range) => blocks.flatMap((block) => alternatives(overlap(range, block)))))

const overlap = ([a, b]: Range, [c, d]: Range): Range => [Math.max(a, c), Math.min(b, d)]

/**
 * Sequences of byte ranges for code points of one length. Where the ends differ in more than their last byte, the ragged
 * parts at both ends stand apart from the middle, in which every last byte is possible.
 */
function alternatives([from, to]: Range): Expression[] {
  if (from > to) return []
  const [a, b] = [encode(from), encode(to)]
  for (let tail = a.length - 1; tail > 0; tail--) {
    const size = 64 ** tail // code points that share all but their last `tail` bytes
    if (Math.floor(from / size) === Math.floor(to / size)) continue
    if (from % size !== 0) {
      const end = from - (from % size) + size - 1
      return [...alternatives([from, end]), ...alternatives([end + 1, to])]
    }
    if (to % size !== size - 1) {
      const start = to - (to % size)
      return [...alternatives([from, start - 1]), ...alternatives([start, to])]
    }
  }
  return [sequence(...a.map((low, i) => byte(low, b[i]!)))]
}

const encoder = new TextEncoder()
const encode = (point: number) => [...encoder.encode(String.fromCodePoint(point))]

/** All other code points. */
export function complement(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort(([a], [b]) => a - b)
  const out: Range[] = []
  let next = 0
  for (const [from, to] of sorted) {
    if (from > next) out.push([next, from - 1])
    next = Math.max(next, to + 1)
  }
  return next > lastPoint ? out : [...out, [next, lastPoint]]
}

export const intersection = (a: readonly Range[], b: readonly Range[]): Range[] =>
  a.flatMap((x) => b.map((y) => overlap(x, y))).filter(([from, to]) => from <= to)
