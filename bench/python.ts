import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kept } from '../kept.ts'
import { run } from '../measure.ts'

const requirements = join(import.meta.dirname, 'requirements.txt')

/**
 * A Python that has the peer's packages: that of PREAMBLE_PEER_PYTHON, or of a virtual environment that is made from
 * PyPI the first time (some gigabytes) and kept.
 * @throws when there is no python3 to make it with, or a package cannot be had
 */
export async function peerPython(): Promise<string> {
  const own = process.env.PREAMBLE_PEER_PYTHON
  if (own) return own
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const pythonOf = (directory: string) => join(directory, 'bin/python')
  const directory = await kept(`preamble-peer-${version}`, async (directory) => {
    console.error(
      `installing PyTorch, transformers and PEFT into ${directory}; PREAMBLE_PEER_PYTHON names others`,
    )
    await run('python3', ['-m', 'venv', directory])
    const install = ['-m', 'pip', 'install', '--quiet']
    // Old versions of pip stumble over metadata of today's packages.
    await run(pythonOf(directory), [...install, '--upgrade', 'pip'])
    await run(pythonOf(directory), [...install, '--requirement', requirements])
  })
  return pythonOf(directory)
}
