import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Checkpoint } from '../checkpoint.ts'
import { withFile } from '../read-file.ts'

const chunk = 2 ** 24 // 16 MiB

/**
 * The SHA-256 of a checkpoint's files. It is noted in `cache` with their sizes and times, and read from there as long as
 * these are the same: hashing a 6B model takes seconds.
 */
export function sourceHash({ tensors }: Checkpoint, cache: string): string {
  const files = [...new Set([...tensors.values()].map(({ file }) => file))].sort()
  const stamp = files.map((file) => [file, statSync(file).size, statSync(file).mtimeMs].join(' ')).join('\n')
  const note = join(cache, `${createHash('sha256').update(stamp).digest('hex')}.source`)
  const noted = existsSync(note) ? readFileSync(note, 'utf8') : ''
  if (/^[0-9a-f]{64}$/.test(noted)) return noted
  const hash = createHash('sha256')
  for (const file of files)
    withFile(file, (read, size) => {
      for (let at = 0; at < size; at += chunk) hash.update(read(at, Math.min(chunk, size - at)))
    })
  const digest = hash.digest('hex')
  writeFileSync(note, digest)
  return digest
}
