/** A progress line: redrawn in place on a terminal, now and then a line of its own elsewhere. */
import type { WriteStream } from 'node:tty'
import { bar } from './bar.ts'

export type Progress = { step: number; steps: number; loss: number; tokensPerSecond: number }

export type Output = Pick<WriteStream, 'write'> & { isTTY?: boolean; columns?: number }

export type ProgressLine = {
  update(progress: Progress): void
  /** Prints a line that stays, above the progress. */
  note(line: string): void
  end(): void
}

/** About how many lines a whole run takes where they cannot be redrawn. */
const plainLines = 20

const clearLine = '\r\x1b[K'

/** `now` is in milliseconds. */
export function progressLine(out: Output, now: () => number = Date.now): ProgressLine {
  let last = ''
  let nextPlain = 0
  let first: { step: number; at: number } | undefined
  return {
    update(progress) {
      first ??= { step: progress.step, at: now() }
      const rate = (progress.step - first.step) / (now() - first.at) // steps a millisecond
      const left = rate > 0 ? (progress.steps - progress.step) / rate : undefined
      const words = describe(progress, left)
      last = out.isTTY
        ? bar(progress.step / progress.steps, (out.columns || 80) - words.length - 1) + words
        : words
      if (out.isTTY) {
        out.write(clearLine + last)
      } else if (progress.step >= Math.min(nextPlain, progress.steps)) {
        out.write(`${last}\n`)
        nextPlain = progress.step + progress.steps / plainLines
      }
    },
    note(line) {
      out.write(out.isTTY ? `${clearLine}${line}\n${last}` : `${line}\n`)
    },
    end() {
      if (out.isTTY && last) out.write('\n')
      last = ''
    },
  }
}

function describe({ step, steps, loss, tokensPerSecond }: Progress, left: number | undefined): string {
  const counts = `step ${String(step).padStart(String(steps).length)}/${steps}`
  const eta = left === undefined ? '' : `  ETA ${duration(left)}`
  return `${counts}  loss ${loss.toFixed(4)}  ${Math.round(tokensPerSecond)} tokens/s${eta}`
}

/** Milliseconds as `1:05` or `1:02:03`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  const tail = two(seconds % 60)
  return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`
}
