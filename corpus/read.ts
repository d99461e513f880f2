import { type Conversation, reportDuplicates } from './conversation.ts'
import { decode } from './decode.ts'
import { parseJson, parseJsonLines } from './json-format.ts'
import { Problems } from './problems.ts'
import { parseText } from './text-format.ts'

/**
 * The conversations of a corpus file, whichever of the formats it is in, and what is wrong with it. When there is an
 * error the conversations are not to be used.
 */
export function readCorpus(bytes: Uint8Array): { conversations: Conversation[]; problems: Problems } {
  const problems = new Problems()
  const text = decode(bytes, problems)
  const parse = parserFor(text)
  // Plain text is read on, so that all its faults are told at once; a JSON parser would only stumble over the same one.
  if (problems.firstError && parse !== parseText) return { conversations: [], problems }
  const located = parse(text, problems)
  reportDuplicates(located, problems)
  if (located.length === 0 && !problems.firstError)
    problems.error('empty_corpus', 'the file is empty: there is no question and answer in it')
  return { conversations: located.map(({ turns }) => turns), problems }
}

/** JSON starts with an array of objects, JSON lines with an object that has a key; anything else is plain text. */
function parserFor(text: string): typeof parseText {
  if (/^\s*\[\s*([{\]"]|$)/.test(text)) return parseJson
  if (/^\s*\{\s*("|\}|$)/.test(text)) return parseJsonLines
  return parseText
}
