import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const cache = join(import.meta.dirname, '../node_modules/.cache')

/**
 * A directory of `node_modules/.cache` that `make` fills the first time, and that is kept for later runs. One that broke
 * off is begun again.
 */
export async function kept(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(cache, name)
  const finished = join(directory, 'finished')
  if (existsSync(finished)) return directory
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  await make(directory)
  writeFileSync(finished, '')
  return directory
}
