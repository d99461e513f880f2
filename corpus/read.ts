import { Readable } from 'node:stream'
import type { Problem } from '../contract/dataset.ts'
import type { TextEncoding } from '../contract/file.ts'
import type { Conversation } from './conversation.ts'
import { detectEncoding } from './encoding.ts'
import { type Entry, headBytes, maxEntryBytes } from './entry.ts'
import { jsonArrayParser } from './json-array.ts'
import { jsonLinesParser } from './json-lines.ts'
import { Problems } from './problems.ts'
import { Seen } from './seen.ts'
import { textParser } from './text-format.ts'
import { utf8Of } from './utf8.ts'

/** Reads a corpus in one format, whose text comes in pieces. */
export type Parser = { push(piece: Buffer): void; end(): void }

/** Gets a conversation; the entry is used for the next one afterwards. */
export type Take = (entry: Entry) => unknown

/**
 * Reads a corpus file, whichever of the formats it is in, piece by piece.
 * @param encoding what the file was found to be in
 * @returns what is wrong with it; when there is an error, the conversations are not to be used
 */
export async function readCorpus(
  content: AsyncIterable<Uint8Array>,
  encoding: TextEncoding | null,
  take: Take,
): Promise<Problems> {
  const problems = new Problems()
  const seen = new Seen()
  let total = 0
  const takeAndCompare: Take = (entry) => {
    total += 1
    reportDuplicate(entry, seen, problems)
    take(entry)
  }
  let head = Buffer.alloc(0)
  let parser: Parser | undefined
  for await (const piece of utf8Of(content, encoding)) {
    if (parser) {
      parser.push(piece)
      continue
    }
    head = Buffer.concat([head, piece])
    const isTold = /\S\s*\S/.test(head.toString()) || head.length > maxEntryBytes
    if (!isTold) continue
    parser = parserFor(head.toString('utf8', 0, maxEntryBytes))(encoding, problems, takeAndCompare)
    parser.push(head)
  }
  if (!parser) {
    parser = parserFor(head.toString())(encoding, problems, takeAndCompare)
    parser.push(head)
  }
  parser.end()
  if (total === 0 && !problems.firstError)
    problems.error('empty_corpus', 'the file is empty: there is no question and answer in it')
  return problems
}

/** The same of a small file. */
export async function readWhole(
  bytes: Uint8Array,
): Promise<{ conversations: Conversation[]; problems: Problems }> {
  const conversations: Conversation[] = []
  const take: Take = (entry) => conversations.push(entry.conversation())
  const problems = await readCorpus(Readable.from([bytes]), detectEncoding(bytes), take)
  return { conversations, problems }
}

/** JSON starts with an array of objects, JSON lines with an object that has a key; anything else is plain text. */
function parserFor(head: string): typeof textParser {
  if (/^\s*\[\s*([{\]"]|$)/.test(head)) return jsonArrayParser
  if (/^\s*\{\s*("|\}|$)/.test(head)) return jsonLinesParser
  return textParser
}

/** Warns of a question that was asked before, naming both places. */
function reportDuplicate({ bytes, last, at }: Entry, seen: Seen, problems: Problems): void {
  const first = seen.find(bytes, headBytes, last, numberOf(at))
  if (first === undefined) return
  const place = at.line === undefined ? `$[${first - 1}]` : `line ${first}`
  problems.warning('duplicate_question', `the same question is at ${place} already`, at)
}

/** The line, or else the place in the array, from 1. */
const numberOf = ({ line, path }: Pick<Problem, 'line' | 'path'>): number =>
  line ?? Number(/^\$\[(\d+)\]$/.exec(path!)![1]) + 1
