import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../infra/config.ts'
import { about, type Finding, inWords } from './finding.ts'

const disk = about('disk')

type Places = Pick<Config, 'home' | 'storageUrl' | 'maxFileBytes'>

/** Whether each file system that is written to has room for what may come. */
export async function* checkDisk({
  home,
  storageUrl,
  maxFileBytes,
}: Places): AsyncGenerator<Finding, void, void> {
  const written = [home, ...(storageUrl.startsWith('file:') ? [fileURLToPath(storageUrl)] : [])]
  const seen = new Set<number>()
  for (const place of written) {
    const { path, device } = await existing(place)
    if (seen.has(device)) continue
    seen.add(device)
    const { bavail, bsize } = await statfs(path)
    yield judge(place, bavail * bsize, maxFileBytes)
  }
}

function judge(place: string, free: number, largest: number): Finding {
  const told = `${inWords(free)} free in ${place}`
  const file = `of MAX_FILE_BYTES (${inWords(largest)})`
  if (free < largest)
    return disk.fail(`${told}, and one upload ${file} would not fit: make room, or lower it`)
  if (free < 4 * largest) return disk.warn(`${told}, not four uploads ${file}: make room, or lower it`)
  return disk.ok(told)
}

/** The directory itself, or the one that it would be made in. */
async function existing(path: string): Promise<{ path: string; device: number }> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ? { path, device: found.dev } : existing(dirname(path))
}
