/**
 * `npm run test:fuzz`: requests that schemathesis makes up from `/openapi.json`, right ones and wrong ones, to the whole
 * server; every answer has to be one that the description promises, and every operation has to succeed at times. The exit
 * code is 1 when one does not, or when there were fewer requests than wanted.
 *
 * npm run test:fuzz -- [--seed N] [--examples N] [--requests N] [-- options of schemathesis]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pythonWith } from '../../bench/python.ts'
import { startServer } from '../../scripts/demo/server.ts'
import { type Answered, answered, some, table, total } from './answered.ts'
import { asker } from './ask.ts'
import { makeThings } from './things.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    /** Of each operation, in each phase that makes requests up. */
    examples: { type: 'string', default: '320' },
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
    // Pulls of models find nobody there.
    ...{ HF_ENDPOINT: 'http://127.0.0.1:9', PREAMBLE_WEBHOOK_ALLOW: '127.0.0.1/32' },
    MAX_FILE_BYTES: '1000000',
  })
  const receiver = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end())
  }).listen(0, '127.0.0.1')
  try {
    await once(receiver, 'listening')
    const { port } = receiver.address() as AddressInfo
    const { key, things } = await makeThings(server.url, { home, receiver: `http://127.0.0.1:${port}/` })
    const ask = asker(server.url, key)
    const before = await answered(ask)
    const passed = await schemathesis(server.url, {
      PREAMBLE_FUZZ_KEY: key,
      PREAMBLE_FUZZ_THINGS: JSON.stringify(things),
    })
    return judge(await answered(ask, before), passed)
  } finally {
    receiver.close()
    await server.stop()
  }
}

function judge(byRoute: Answered, passed: boolean): boolean {
  for (const line of table(byRoute)) console.log(line)
  const requests = total(byRoute)
  const operations = [...byRoute].filter(([route]) => route.includes(' /v1/'))
  const failed = [...byRoute].filter(([, byStatus]) => some(byStatus, (status) => status >= 500))
  const refused = operations.filter(([, byStatus]) => !some(byStatus, (status) => status < 300))
  const good = passed && failed.length === 0 && refused.length === 0 && requests >= Number(values.requests)
  console.log(
    `fuzz: ${good ? 'passed' : 'FAILED'}: seed ${values.seed}, ${requests} requests of ${values.requests} wanted, ` +
      `${operations.length} operations, ${refused.length} that never succeeded, ${failed.length} with answers of 5xx; ` +
      `schemathesis ${passed ? 'has no complaint' : 'complains, see above'}`,
  )
  return good
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
