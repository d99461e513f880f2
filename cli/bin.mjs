#!/usr/bin/env node
// The `preamble` command. Plain JavaScript that Node 20 understands: where the machine's own Node is older
// than 24, the command line runs under the Node 24 that this project installs.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const node24 = join(here, '..', 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import('./main.ts')
} else if (existsSync(node24)) {
  relay(spawn(node24, [join(here, 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' }))
} else {
  console.error(
    `preamble: needs Node 24, this is ${process.version}; run \`npm ci\` in ${dirname(here)} first`,
  )
  process.exitCode = 1
}

/** Passes signals on to `child`, and ends as it ends: with its exit code, or by the signal that ended it. */
function relay(child) {
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // A terminal sends Ctrl-C to the whole process group: the child has already got it.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal))
  }
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
