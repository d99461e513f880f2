/** A line that is written over on a terminal, and comes now and then elsewhere. */
import type { WriteStream } from 'node:tty'

const plainMs = 30_000

export function progressLine(out: WriteStream): { update(text: string): void; end(): void } {
  let nextPlain = 0
  return {
    update(text) {
      if (out.isTTY) return void out.write(`\r\x1b[K${text.slice(0, out.columns - 1)}`)
      if (Date.now() < nextPlain) return
      nextPlain = Date.now() + plainMs
      out.write(`${text}\n`)
    },
    end() {
      if (out.isTTY) out.write('\n')
    },
  }
}
