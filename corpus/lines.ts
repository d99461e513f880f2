/** The lines of a text that comes in pieces. */
import type { TextEncoding } from '../contract/file.ts'
import { carriageReturn, escaped, isUnfit, kinds, newline, nextMarked, suspect } from './bytes.ts'
import { maxEntryBytes } from './entry.ts'
import type { Problems } from './problems.ts'
import { reportUnfit } from './unfit.ts'

/** A line, without its end, lies in `bytes` between `from` and `to` until the next one comes. */
export type Line = {
  bytes: Buffer
  from: number
  to: number
  /** From 1. */
  number: number
  /** Whether JSON writes it as it is. */
  isPlain: boolean
  /** It has characters that no text should hold, which were reported, or is too long, and has no bytes here. */
  isUnfit: boolean
}

/** Lines end with \n, \r\n or \r. */
export class Lines {
  readonly #line: Line = { bytes: Buffer.alloc(0), from: 0, to: 0, number: 1, isPlain: true, isUnfit: false }
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = Buffer.alloc(0)
  #isTooLong = false
  #afterReturn = false
  readonly #encoding: TextEncoding | null
  readonly #problems: Problems
  readonly #see: (line: Line) => void

  constructor(encoding: TextEncoding | null, problems: Problems, see: (line: Line) => void) {
    this.#encoding = encoding
    this.#problems = problems
    this.#see = see
  }

  push(piece: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece
    const line = this.#line
    line.bytes = bytes
    let from = 0
    for (let i = nextMarked(bytes, 0); i < bytes.length; i = nextMarked(bytes, i + 1)) {
      switch (kinds[bytes[i]!]) {
        case escaped:
          line.isPlain = false
          continue
        case suspect:
          if (isUnfit(bytes, i)) {
            line.isUnfit = true
            line.isPlain = false
          }
          continue
        case newline:
          if (i === 0 && this.#afterReturn) {
            from = 1 // of a \r\n that was cut in two
            continue
          }
          this.#end(from, i)
          break
        case carriageReturn:
          this.#end(from, i)
          if (bytes[i + 1] === 0x0a) i += 1
          break
      }
      from = i + 1
    }
    if (bytes.length > 0) this.#afterReturn = from === bytes.length && bytes[from - 1] === 0x0d
    const rest = bytes.subarray(from)
    this.#isTooLong ||= rest.length > maxEntryBytes
    this.#rest = this.#isTooLong ? Buffer.alloc(0) : Buffer.from(rest)
    // It is looked at again, together with what follows.
    line.isPlain = true
    line.isUnfit = false
  }

  /** The last line may have no end. */
  end(): void {
    this.#line.bytes = this.#rest
    this.push(Buffer.from('\n'))
  }

  #end(from: number, to: number): void {
    const line = this.#line
    line.from = from
    line.to = to
    if (line.isUnfit)
      reportUnfit(
        line.bytes.toString('utf8', from, to),
        { line: line.number },
        this.#encoding,
        this.#problems,
      )
    if (this.#isTooLong || to - from > maxEntryBytes) {
      const message = `the line is longer than the ${maxEntryBytes} bytes that a conversation may have`
      this.#problems.error('too_long', message, { line: line.number })
      line.isUnfit = true
      line.to = from
    }
    this.#isTooLong = false
    this.#see(line)
    line.number += 1
    line.isPlain = true
    line.isUnfit = false
  }
}
