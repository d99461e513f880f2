import type { Problem } from '../contract/dataset.ts'
import type { TextEncoding } from '../contract/file.ts'
import type { Problems } from './problems.ts'

/** Anything that no text should hold: what broken bytes turn into, NUL, and control characters but tab and breaks. */
const unfit = /[\uFFFD\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]/gu

/** Reports each such character of a text that has no line breaks; `place` is where the text begins. */
export function reportUnfit(
  text: string,
  { line, column = 1 }: Pick<Problem, 'line' | 'column'>,
  encoding: TextEncoding | null,
  problems: Problems,
): void {
  for (const { 0: character, index } of text.matchAll(unfit))
    problems.error('invalid_character', complaint(character, encoding), {
      line,
      column: column + [...text.slice(0, index)].length, // in characters, not UTF-16 units
    })
}

function complaint(character: string, encoding: string | null): string {
  if (character === '\uFFFD')
    return encoding
      ? `bytes that are no ${encoding} text, or a replacement character U+FFFD that an earlier conversion left`
      : 'bytes that are no text: neither UTF-8 nor UTF-16 nor GB 18030'
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `a control character U+${code}${character === '\0' ? ' (NUL)' : ''}, which no text should hold; remove it`
}
