/** The plain format: a question line, answer lines, a blank line. */

import type { Located } from './conversation.ts'
import { lineBreak } from './decode.ts'
import type { Problems } from './problems.ts'

type Block = { line: number; lines: string[] }

/** Reads the blocks of a text. White space around a block's lines is no part of them; breaks inside an answer are. */
export function parseText(text: string, problems: Problems): Located[] {
  return blocksOf(text).flatMap(({ line, lines: [question, ...answer] }) => {
    if (answer.length === 0) {
      problems.error(
        'question_without_answer',
        `a question without an answer: "${question}"; put the answer on the next line, without a blank line between`,
        { line },
      )
      return []
    }
    const turns = [
      { role: 'user' as const, content: question! },
      { role: 'assistant' as const, content: answer.join('\n') },
    ]
    return { turns, at: { line } }
  })
}

/** Runs of lines that are not blank; the line number is that of the first. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  let open: Block | undefined
  for (const [i, raw] of text.split(lineBreak).entries()) {
    const line = raw.trim() // full-width spaces and stray byte-order marks too
    if (line === '') open = undefined
    else if (open) open.lines.push(line)
    else {
      open = { line: i + 1, lines: [line] }
      blocks.push(open)
    }
  }
  return blocks
}
