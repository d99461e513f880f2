/** The progress of bytes: redrawn in place on a terminal, one line at each tenth elsewhere. */
import { bar } from './bar.ts'
import { duration, type Output } from './progress.ts'

/** `now` is in milliseconds. */
export function bytesLine(out: Output, now: () => number = Date.now) {
  let first: { done: number; at: number } | undefined
  let told = -1
  return {
    update(done: number, total: number): void {
      first ??= { done, at: now() }
      const rate = (done - first.done) / (now() - first.at) // bytes a millisecond
      const speed =
        rate > 0 ? `  ${(rate / 1000).toFixed(1)} MB/s  ETA ${duration((total - done) / rate)}` : ''
      const words = `${megabytes(done)} of ${megabytes(total)} MB${speed}`
      if (out.isTTY) out.write(`\r\x1b[K${bar(done / total, (out.columns || 80) - words.length - 1)}${words}`)
      else if (Math.floor((10 * done) / total) > told) {
        told = Math.floor((10 * done) / total)
        out.write(`${words}\n`)
      }
    },
    end(): void {
      if (out.isTTY && first) out.write('\n')
    },
  }
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
