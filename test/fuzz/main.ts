/**
 * `npm run test:fuzz`: requests that schemathesis makes up from `/openapi.json`, right ones and wrong ones, to the whole
 * server; every answer has to be one that the description promises. The exit code is 1 when one is not, or when there
 * were fewer requests than wanted.
 *
 * npm run test:fuzz -- [--seed N] [--examples N] [--requests N] [-- options of schemathesis]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pythonWith } from '../../bench/python.ts'
import { startServer } from '../../scripts/demo/server.ts'
import { answered, table, total } from './answered.ts'
import { makeThings } from './things.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    /** Of each operation, in each phase that makes requests up. */
    examples: { type: 'string', default: '300' },
    /** Fewer are a failure. */
    requests: { type: 'string', default: '20000' },
  },
})
const python = await pythonWith('fuzz', join(import.meta.dirname, 'requirements.txt'))
const home = mkdtempSync(join(tmpdir(), 'preamble-fuzz-'))
try {
  process.exitCode = (await fuzz()) ? 0 : 1
} finally {
  rmSync(home, { recursive: true, force: true })
}

async function fuzz(): Promise<boolean> {
  const server = await startServer(home, {
    // Pulls of models and webhooks find nobody there.
    ...{ HF_ENDPOINT: 'http://127.0.0.1:9', PREAMBLE_WEBHOOK_ALLOW: '127.0.0.1/32' },
    MAX_FILE_BYTES: '1000000',
  })
  try {
    const { key, things } = await makeThings(server.url)
    const passed = await schemathesis(server.url, {
      PREAMBLE_FUZZ_KEY: key,
      PREAMBLE_FUZZ_THINGS: JSON.stringify(things),
    })
    const byRoute = await answered(server.url, key)
    for (const line of table(byRoute)) console.log(line)
    const requests = total(byRoute)
    const failed = [...byRoute].filter(([, byStatus]) => [...byStatus.keys()].some((status) => status >= 500))
    const good = passed && failed.length === 0 && requests >= Number(values.requests)
    console.log(
      `fuzz: ${good ? 'passed' : 'FAILED'}: seed ${values.seed}, ${requests} requests of ${values.requests} wanted, ` +
        `${byRoute.size} routes, ${failed.length} with answers of 5xx; schemathesis ${passed ? 'has no complaint' : 'complains, see above'}`,
    )
    return good
  } finally {
    await server.stop()
  }
}

/** Whether it found nothing wrong. */
async function schemathesis(url: string, env: Record<string, string>): Promise<boolean> {
  const here = import.meta.dirname
  const options = ['--seed', values.seed, '--max-examples', values.examples, '--no-color', ...positionals]
  const config = ['--config-file', join(here, 'schemathesis.toml')]
  const child = spawn(
    python,
    ['-m', 'schemathesis.cli', ...config, 'run', `${url}/openapi.json`, ...options],
    {
      // What it keeps on its way goes with the rest.
      cwd: home,
      env: {
        ...process.env,
        PYTHONPATH: here,
        SCHEMATHESIS_HOOKS: 'hooks',
        PYTHONDONTWRITEBYTECODE: '1',
        ...env,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  // Ctrl-C ends schemathesis, which says what it has found; the server is stopped after it.
  const wait = () => {}
  process.on('SIGINT', wait)
  const [code] = await once(child, 'exit')
  process.off('SIGINT', wait)
  return code === 0
}
