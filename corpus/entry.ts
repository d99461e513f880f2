/** One conversation on its way from a corpus to the files of a dataset, as bytes. */
import type { Problem } from '../contract/dataset.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { nextMarked } from './bytes.ts'
import type { Conversation, Role, Turn } from './conversation.ts'

/**
 * An entry's bytes: its size and its place in a set (4 bytes each), then its turns, each one its role (1), the size of its
 * text (4), and the text as JSON writes it between the quotes. Numbers have their lowest byte first.
 */
export const headBytes = 8
const turnBytes = 5

/** No conversation may be longer: what a corpus takes of memory has an end. */
export const maxEntryBytes = 16 * 2 ** 20

const roles: readonly Role[] = ['system', 'user', 'assistant']

/** By byte, what JSON writes instead. */
const escapes: Record<number, Buffer | undefined> = Object.fromEntries(
  ['\t', '"', '\\'].map((text) => [text.charCodeAt(0), Buffer.from(JSON.stringify(text).slice(1, -1))]),
)

/** Filled again and again: a corpus has millions of conversations. */
export class Entry extends ByteBuffer {
  /** How many turns, and where the last one begins. */
  turns = 0
  last = headBytes
  /** Where in the corpus it stands. */
  at: Pick<Problem, 'line' | 'path'> = {}

  constructor() {
    super(64 * 1024)
  }

  begin(at: Pick<Problem, 'line' | 'path'>): void {
    this.at = at
    this.length = headBytes
    this.turns = 0
  }

  /** Begins a turn without text. */
  turn(role: Role): void {
    this.last = this.length
    this.turns += 1
    this.reserve(turnBytes)
    this.bytes[this.length] = roles.indexOf(role)
    this.length += turnBytes
  }

  /** Adds to its text. */
  text(text: string): void {
    const json = JSON.stringify(text)
    this.reserve(3 * json.length) // UTF-8 has three bytes at most for a unit of UTF-16
    this.length += this.bytes.write(json.slice(1, -1), this.length)
  }

  /** Adds sound text of one line, as its bytes are. */
  line(bytes: Buffer, from: number, to: number): void {
    let start = from
    for (let i = nextMarked(bytes, from); i < to; i = nextMarked(bytes, i + 1)) {
      const escaped = escapes[bytes[i]!]
      if (!escaped) continue
      this.add(bytes, start, i)
      this.add(escaped)
      start = i + 1
    }
    this.add(bytes, start, to)
  }

  /** The sizes of the turn, and of the entry so far, get their places. */
  end(): void {
    this.bytes.writeUInt32LE(this.length - this.last - turnBytes, this.last + 1)
    this.bytes.writeUInt32LE(this.length, 0)
  }

  /** The text of the last turn. */
  lastText(): string {
    return JSON.parse(`"${this.bytes.toString('utf8', this.last + turnBytes, this.length)}"`)
  }

  conversation(): Conversation {
    const turns: Turn[] = []
    eachTurn(this.bytes, 0, (role, from, to) => {
      turns.push({ role, content: JSON.parse(`"${this.bytes.toString('utf8', from, to)}"`) })
    })
    return turns
  }

  fill(turns: readonly Turn[], at: Pick<Problem, 'line' | 'path'>): void {
    this.begin(at)
    for (const { role, content } of turns) {
      this.turn(role)
      this.text(content)
      this.end()
    }
  }
}

/** Calls `see` with the role, and where the text lies, of each turn of the entry that begins at `from`. */
export function eachTurn(
  bytes: Buffer,
  from: number,
  see: (role: Role, from: number, to: number) => void,
): void {
  const end = from + bytes.readUInt32LE(from)
  for (let at = from + headBytes; at < end; ) {
    const text = at + turnBytes
    const next = text + bytes.readUInt32LE(at + 1)
    see(roles[bytes[at]!]!, text, next)
    at = next
  }
}
