/** The conversations of a set: each in turn, and then any of them again. */
import type { Conversation } from '../text/sample.ts'
import { type OpenFile, openFile } from '../weights/read-file.ts'

/** In memory; or in files, each an array of `{"conversations": […]}` as ChatGLM3's scripts have it. */
export type Conversations = readonly Conversation[] | { files: readonly string[] }

export interface Source extends Disposable {
  /** All of them, once. */
  all(): Iterable<Conversation>
  /** One that came before. */
  at(index: number): Conversation
}

/** Files are open from now on until they are disposed of, whatever happens to their names. */
export const openConversations = (conversations: Conversations): Source =>
  'files' in conversations
    ? new Files(conversations.files)
    : {
        all: () => conversations,
        at: (index) => conversations[index]!,
        [Symbol.dispose]: () => {},
      }

/** Files of any size: memory holds where each conversation ends, 8 bytes. */
class Files implements Source {
  /** Each with the number of its first conversation, and where each of them ends; those that did not come yet have none. */
  readonly #files: { file: OpenFile; first: number; ends: number[] }[]

  constructor(paths: readonly string[]) {
    using opened = new DisposableStack()
    const none = { first: Number.POSITIVE_INFINITY, ends: [] }
    this.#files = paths.map((path) => ({ file: opened.use(openFile(path)), ...none }))
    opened.move() // all are open
  }

  *all(): Generator<Conversation> {
    let count = 0
    for (const each of this.#files) {
      each.first = count
      each.ends = []
      for (const end of endsOfObjects(each.file)) {
        each.ends.push(end)
        yield this.at(count++)
      }
    }
  }

  at(index: number): Conversation {
    const { file, first, ends } = this.#files.findLast(({ first }) => first <= index)!
    const from = ends[index - first - 1] ?? 0
    const text = new TextDecoder().decode(file.read(from, ends[index - first]! - from))
    // What lies between two of them is a comma and blanks.
    return (JSON.parse(text.slice(text.indexOf('{'))) as { conversations: Conversation }).conversations
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#files) file[Symbol.dispose]()
  }
}

const pieceBytes = 2 ** 18
const [quote, backslash, open, close] = [0x22, 0x5c, 0x7b, 0x7d]

/** Where the outermost objects of a JSON text end, in bytes. */
function* endsOfObjects({ read, size }: OpenFile): Generator<number> {
  let depth = 0
  let inString = false
  let isEscaped = false
  for (let at = 0; at < size; at += pieceBytes) {
    const piece = read(at, Math.min(pieceBytes, size - at))
    for (const [i, byte] of piece.entries()) {
      if (isEscaped) isEscaped = false
      else if (inString) {
        if (byte === backslash) isEscaped = true
        else if (byte === quote) inString = false
      } else if (byte === quote) inString = true
      else if (byte === open) depth += 1
      else if (byte === close) {
        depth -= 1
        if (depth === 0) yield at + i + 1
      }
    }
  }
}
