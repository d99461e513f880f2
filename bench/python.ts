import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kept } from './kept.ts'
import { run } from './measure.ts'

/**
 * A Python with the packages of a file of requirements: of a virtual environment that is made from PyPI the first time,
 * and kept.
 * @throws when there is no python3 to make it with, or a package cannot be had
 */
export async function pythonWith(name: string, requirements: string): Promise<string> {
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const pythonOf = (directory: string) => join(directory, 'bin/python')
  const directory = await kept(`preamble-${name}-${version}`, async (directory) => {
    console.error(`installing what ${requirements} lists into ${directory}`)
    await run('python3', ['-m', 'venv', directory])
    const install = ['-m', 'pip', 'install', '--quiet']
    // Old versions of pip stumble over metadata of today's packages.
    await run(pythonOf(directory), [...install, '--upgrade', 'pip'])
    await run(pythonOf(directory), [...install, '--requirement', requirements])
  })
  return pythonOf(directory)
}
