import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ApiError } from '../api/api.ts'
import { command } from '../command.ts'

const project = fileURLToPath(new URL('../../', import.meta.url))

export const doctor = command({
  summary: 'Check what a server needs on this machine, also where it does not start',
  operands: [],
  options: {},
  async run() {
    // No request: the server may not be up to answer one. Through npm, in the place that `npm start` starts from.
    const checks = spawn('npm', ['run', '--silent', 'doctor'], { cwd: project, stdio: 'inherit' })
    const [code] = await once(checks, 'exit')
    if (code !== 0) throw new ApiError('something is wrong: see the lines that say FAIL')
  },
})
