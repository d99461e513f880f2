/** JSON lines: one conversation a line; blank lines are skipped. */
import type { TextEncoding } from '../contract/file.ts'
import { trimmed } from './bytes.ts'
import { Entry } from './entry.ts'
import { parseJson, readTurns } from './json-format.ts'
import { Lines } from './lines.ts'
import type { Problems } from './problems.ts'
import type { Parser, Take } from './read.ts'

export function jsonLinesParser(encoding: TextEncoding | null, problems: Problems, take: Take): Parser {
  const entry = new Entry()
  let index = 0
  return new Lines(encoding, problems, ({ bytes, from, to, number: line, isUnfit }) => {
    const [start, end] = trimmed(bytes, from, to)
    if (isUnfit || start === end) return
    const text = bytes.toString('utf8', from, to)
    const place = (offset: number) => ({ line, column: [...text.slice(0, offset)].length + 1 })
    const value = parseJson(text, place, problems)
    const at = { line, path: '$' }
    const turns = value === undefined ? undefined : readTurns(value, index++, at, problems)
    if (!turns) return
    entry.fill(turns, at)
    take(entry)
  })
}
