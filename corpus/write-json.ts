/** Entries as the JSON files of a dataset: indented by four spaces, and every character as it is. */
import type { ByteBuffer } from './byte-buffer.ts'
import type { Role } from './conversation.ts'
import { eachTurn } from './entry.ts'
import type { PagedFile } from './paged-file.ts'
import type { Batch } from './spool.ts'

type Write = (page: ByteBuffer, bytes: Buffer, at: number) => void

/** Writes the array of all entries, each one as `write` writes it. */
export async function writeArray(
  file: PagedFile,
  entries: AsyncIterable<Batch>,
  write: Write,
): Promise<void> {
  let between = opening
  for await (const { bytes, starts } of entries) {
    for (const at of starts) {
      file.page.add(between)
      between = separator
      write(file.page, bytes, at)
      if (file.isFull) await file.flush()
    }
  }
  file.page.add(between === opening ? empty : closing)
  await file.end()
}

const [opening, separator, closing, empty] = ['[\n', ',\n', '\n]\n', '[]\n'].map((text) =>
  Buffer.from(text),
) as [...[Buffer, Buffer, Buffer, Buffer]]

const pair = ['    {\n        "q": "', '",\n        "a": "', '"\n    }'].map((text) => Buffer.from(text)) as [
  ...[Buffer, Buffer, Buffer],
]

/** `{"q", "a"}`, of two turns. */
export const writePair: Write = (page, bytes, at) => {
  let i = 0
  eachTurn(bytes, at, (_, from, to) => {
    page.add(pair[i++]!)
    page.add(bytes, from, to)
  })
  page.add(pair[2])
}

const turnOf = (role: Role) =>
  Buffer.from(`            {\n                "role": "${role}",\n                "content": "`)
const turn = { system: turnOf('system'), user: turnOf('user'), assistant: turnOf('assistant') }
const conversation = Buffer.from('    {\n        "conversations": [\n')
const turnEnd = Buffer.from('"\n            }')
const conversationEnd = Buffer.from('\n        ]\n    }')

/** `{"conversations"}`, as ChatGLM3's scripts read it; `system` goes before conversations without a system turn. */
export function writeConversation(system?: string | null): Write {
  const prompt = system ? Buffer.from(JSON.stringify(system).slice(1, -1)) : undefined
  return (page, bytes, at) => {
    let isFirst = true
    const add = (role: Role, text: Buffer, from: number, to: number) => {
      page.add(isFirst ? conversation : separator)
      page.add(turn[role])
      page.add(text, from, to)
      page.add(turnEnd)
      isFirst = false
    }
    eachTurn(bytes, at, (role, from, to) => {
      if (isFirst && prompt && role !== 'system') add('system', prompt, 0, prompt.length)
      add(role, bytes, from, to)
    })
    page.add(conversationEnd)
  }
}
