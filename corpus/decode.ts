import type { Problem } from '../contract/dataset.ts'
import { detectEncoding } from './encoding.ts'
import type { Problems } from './problems.ts'

/** Lines end with \n, \r\n or \r. */
export const lineBreak = /\r\n|\n|\r/

/** Anything that no text should hold: what broken bytes turn into, NUL, and control characters but tab and breaks. */
const unfit = /[\uFFFD\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]/gu

/** Bytes as text, without a byte-order mark. Every character that cannot be is a problem with its line and column. */
export function decode(bytes: Uint8Array, problems: Problems): string {
  const encoding = detectEncoding(bytes)
  const text = new TextDecoder(encoding ?? 'utf-8').decode(bytes)
  for (const [i, line] of text.split(lineBreak).entries()) {
    for (const { 0: character, index } of line.matchAll(unfit))
      problems.error('invalid_character', complaint(character, encoding), {
        line: i + 1,
        column: [...line.slice(0, index)].length + 1, // in characters, not UTF-16 units
      })
  }
  return text
}

function complaint(character: string, encoding: string | null): string {
  if (character === '\uFFFD')
    return encoding
      ? `bytes that are no ${encoding} text, or a replacement character U+FFFD that an earlier conversion left`
      : 'bytes that are no text: neither UTF-8 nor UTF-16 nor GB 18030'
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `a control character U+${code}${character === '\0' ? ' (NUL)' : ''}, which no text should hold; remove it`
}

/** Line and column, both from 1, of an offset into a text. */
export function placeOf(text: string, offset: number): Pick<Problem, 'line' | 'column'> {
  const lines = text.slice(0, offset).split(lineBreak)
  return { line: lines.length, column: [...lines.at(-1)!].length + 1 }
}
