import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../measure.ts'

const requirements = join(import.meta.dirname, 'requirements.txt')
const cache = join(import.meta.dirname, '../../node_modules/.cache')

/**
 * A Python that has the peer's packages: that of PREAMBLE_PEER_PYTHON, or of a virtual environment that is made from
 * PyPI the first time (some gigabytes) and kept in `node_modules/.cache`.
 * @throws when there is no python3 to make it with, or a package cannot be had
 */
export async function peerPython(): Promise<string> {
  const own = process.env.PREAMBLE_PEER_PYTHON
  if (own) return own
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const directory = join(cache, `preamble-peer-${version}`)
  const finished = join(directory, 'requirements.txt')
  const python = join(directory, 'bin/python')
  if (existsSync(finished)) return python
  console.error(
    `installing PyTorch, transformers and PEFT into ${directory}; PREAMBLE_PEER_PYTHON names others`,
  )
  await run('python3', ['-m', 'venv', '--clear', directory])
  // Old versions of pip stumble over metadata of today's packages.
  await run(python, ['-m', 'pip', 'install', '--quiet', '--upgrade', 'pip'])
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements])
  copyFileSync(requirements, finished) // last: an installation that broke off is begun again
  return python
}
