/** An array of conversations, of which one at a time is in memory. */
import type { Problem } from '../contract/dataset.ts'
import type { TextEncoding } from '../contract/file.ts'
import { isUnfit, kinds, suspect } from './bytes.ts'
import { Entry, maxEntryBytes } from './entry.ts'
import { parseJson, readTurns, reportInvalid } from './json-format.ts'
import type { Problems } from './problems.ts'
import type { Parser, Take } from './read.ts'
import { reportUnfit } from './unfit.ts'

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]
const lineBreak = /\r\n|\n|\r/

type Place = Required<Pick<Problem, 'line' | 'column'>>

export function jsonArrayParser(encoding: TextEncoding | null, problems: Problems, take: Take): Parser {
  return new ArrayParser(encoding, problems, take)
}

/** Cuts the array at its commas. What lies between two of them is parsed, and is where mistakes are found. */
class ArrayParser {
  readonly #entry = new Entry()
  /** What has come of an element, and where it begins. */
  #rest: Buffer = Buffer.alloc(0)
  #place: Place = { line: 1, column: 1 }
  #depth = 0
  #inString = false
  #isEscaped = false
  #isUnfit = false
  #index = 0
  /** Over: the array has ended, or is no JSON; there is no use in what comes then. */
  #state: 'before' | 'inside' | 'after' | 'broken' = 'before'
  readonly #encoding: TextEncoding | null
  readonly #problems: Problems
  readonly #take: Take

  constructor(encoding: TextEncoding | null, problems: Problems, take: Take) {
    this.#encoding = encoding
    this.#problems = problems
    this.#take = take
  }

  push(piece: Buffer): void {
    let from = 0 // in the piece, of what is not yet in `#rest`
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i]!
      if (kinds[byte] === suspect && isUnfit(piece, i)) this.#isUnfit = true
      if (this.#isEscaped) this.#isEscaped = false
      else if (this.#inString) {
        if (byte === backslash) this.#isEscaped = true
        else if (byte === quote) this.#inString = false
      } else if (byte === quote) this.#inString = true
      else if (byte === openArray || byte === openObject) {
        this.#depth += 1
        if (this.#state === 'before') from = this.#begin(piece, from, i + 1)
      } else if (byte === closeArray || byte === closeObject) {
        this.#depth -= 1
        if (this.#depth === 0 && this.#state === 'inside') {
          this.#element(piece, from, i, byte)
          from = i + 1
        }
      } else if (byte === comma && this.#depth === 1 && this.#state === 'inside') {
        this.#element(piece, from, i, byte)
        from = i + 1
      }
    }
    this.#keep(piece.subarray(from))
  }

  end(): void {
    const text = this.#rest.toString()
    this.#reportUnfit(text)
    switch (this.#state) {
      case 'broken':
        return
      case 'after':
        if (text.trim() !== '')
          this.#invalid('EndOfFileExpected', text, text.length - text.trimStart().length)
        return
      case 'before':
      case 'inside': {
        const isWhole = text.trim() === '' || this.#parse(text) !== undefined
        if (isWhole && this.#state === 'inside')
          this.#invalid('CloseBracketExpected', text, text.trimEnd().length)
      }
    }
  }

  #begin(piece: Buffer, from: number, to: number): number {
    this.#state = 'inside'
    this.#move(piece.toString('utf8', from, to))
    return to
  }

  /** What came since the last comma is whole; `by` says what follows it. */
  #element(piece: Buffer, from: number, to: number, by: number): void {
    const bytes =
      this.#rest.length > 0 ? Buffer.concat([this.#rest, piece.subarray(from, to)]) : piece.subarray(from, to)
    this.#rest = Buffer.alloc(0)
    if (bytes.length > maxEntryBytes) {
      this.#tooLong()
      return
    }
    const text = bytes.toString()
    const wasUnfit = this.#isUnfit
    this.#reportUnfit(text)
    const isEmpty = text.trim() === ''
    if (by !== comma) this.#state = 'after'
    if (isEmpty && !(by === closeArray && this.#index === 0))
      this.#invalid('ValueExpected', text, text.length)
    else if (!isEmpty && !wasUnfit) this.#read(text)
    if (by === closeObject) this.#invalid('CloseBracketExpected', text, text.length)
    this.#index += 1
    this.#move(`${text},`)
  }

  #read(text: string): void {
    const value = this.#parse(text)
    if (value === undefined) return
    const at = { path: `$[${this.#index}]` }
    const turns = readTurns(value, this.#index, at, this.#problems)
    if (!turns) return
    this.#entry.fill(turns, at)
    this.#take(this.#entry)
  }

  #parse(text: string): unknown {
    const value = parseJson(text, (offset) => this.#placeOf(text, offset), this.#problems)
    if (value === undefined) this.#state = 'broken'
    return value
  }

  #invalid(reason: string, text: string, offset: number): void {
    if (this.#state !== 'broken') reportInvalid(reason, this.#placeOf(text, offset), this.#problems)
    this.#state = 'broken'
  }

  #tooLong(): void {
    const message = `what begins here is longer than the ${maxEntryBytes} bytes that a conversation may have`
    this.#problems.error('too_long', message, this.#place)
    this.#state = 'broken'
  }

  #reportUnfit(text: string): void {
    if (!this.#isUnfit) return
    this.#isUnfit = false
    let column = this.#place.column
    for (const [i, line] of text.split(lineBreak).entries()) {
      reportUnfit(line, { line: this.#place.line + i, column }, this.#encoding, this.#problems)
      column = 1
    }
  }

  /** Keeps what may go on in the next piece. */
  #keep(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const isOver = this.#state === 'broken' || this.#state === 'after'
    if (this.#rest.length <= (isOver ? 0 : maxEntryBytes)) return
    const text = this.#rest.toString()
    this.#reportUnfit(text)
    if (this.#state === 'after' && text.trim() !== '')
      this.#invalid('EndOfFileExpected', text, text.length - text.trimStart().length)
    if (this.#state === 'inside' || this.#state === 'before') this.#tooLong()
    this.#move(text)
    this.#rest = Buffer.alloc(0)
  }

  /** The place after a text that begins at the present one. */
  #move(text: string): void {
    this.#place = this.#placeOf(text, text.length)
  }

  #placeOf(text: string, offset: number): Place {
    const lines = text.slice(0, offset).split(lineBreak)
    const column = [...lines.at(-1)!].length
    const { line, column: start } = this.#place
    return lines.length === 1
      ? { line, column: start + column }
      : { line: line + lines.length - 1, column: 1 + column }
  }
}
