/** The plain format: a question line, answer lines, a blank line. */
import type { TextEncoding } from '../contract/file.ts'
import { trimmed } from './bytes.ts'
import { Entry, maxEntryBytes } from './entry.ts'
import { type Line, Lines } from './lines.ts'
import type { Problems } from './problems.ts'
import type { Parser, Take } from './read.ts'

/** Characters of a question that an error repeats. */
const shown = 80

const lineBreak = Buffer.from('\\n')

/** Reads the blocks of a text. White space around a block's lines is no part of them; breaks inside an answer are. */
export function textParser(encoding: TextEncoding | null, problems: Problems, take: Take): Parser {
  const entry = new Entry()
  /** How many lines the open block has, and where it begins. */
  let lines = 0
  let start = 0
  let isSound = true

  function addLine({ bytes, number, isPlain, isUnfit }: Line, from: number, to: number): void {
    if (lines === 0) {
      start = number
      isSound = true
      entry.begin({ line: number })
      entry.turn('user')
    } else if (lines === 1) {
      entry.end()
      entry.turn('assistant')
    } else entry.add(lineBreak)
    lines += 1
    if (isUnfit) isSound = false
    if (entry.length + to - from > maxEntryBytes) tooLong()
    else if (isPlain) entry.add(bytes, from, to)
    else if (!isUnfit) entry.line(bytes, from, to)
    else entry.text(bytes.toString('utf8', from, to))
  }

  function tooLong(): void {
    if (isSound) {
      const message = `this question and its answer are longer than ${maxEntryBytes} bytes; are there blank lines between the pairs?`
      problems.error('too_long', message, { line: start })
    }
    isSound = false
  }

  function endBlock(): void {
    if (lines === 1) {
      const text = entry.lastText()
      const question = text.length > shown ? `${text.slice(0, shown)}…` : text
      problems.error(
        'question_without_answer',
        `a question without an answer: "${question}"; put the answer on the next line, without a blank line between`,
        { line: start },
      )
    } else if (lines > 1 && isSound) {
      entry.end()
      take(entry)
    }
    lines = 0
  }

  const text = new Lines(encoding, problems, (line) => {
    const [from, to] = trimmed(line.bytes, line.from, line.to) // full-width spaces and stray byte-order marks too
    if (from === to && !line.isUnfit) endBlock()
    else addLine(line, from, to)
  })
  return {
    push: (piece) => text.push(piece),
    end() {
      text.end()
      endBlock()
    },
  }
}
