/** A server that is told to stop while it answers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { temporary, writeBase } from '../engine/tiny.case.ts'
import { testDatabase } from '../infra/db/testing.ts'

const { root, remove } = temporary()
const database = await testDatabase()
const running = new Set<ChildProcess>()
beforeAll(() => {
  // Room for answers that take seconds.
  writeBase(join(root, 'models', 'tiny'), { max_position_embeddings: 8192 })
})
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await database.close()
  remove()
})

/** The service that answers, alone in a process. */
async function start(drainTimeout: number) {
  const own = {
    ...{ PORT: '0', HOST: '127.0.0.1', DATABASE_URL: database.url, STORAGE_URL: '' },
    ...{ PREAMBLE_HOME: root, MODELS: join(root, 'models'), PREAMBLE_DRAIN_TIMEOUT: `${drainTimeout}` },
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, '../services/infer/main.ts')], {
    env: { ...process.env, ...own },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const url = await new Promise<string>((resolve) => {
    lines.on('line', (line) => line.includes('"listening"') && resolve(JSON.parse(line).url))
  })
  return { url, stop: () => child.kill('SIGTERM'), exited }
}

/** A stream of which the first event has come; the model repeats itself and does not stop. */
async function begin(url: string, max_tokens: number) {
  const body = JSON.stringify({ model: 'tiny', prompt: '0', temperature: 0, stream: true, max_tokens })
  const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${url}/v1/completions`, init)
  expect(response.status).toBe(200)
  return { text: response.text() }
}
const statusOf = async (url: string) => {
  const response = await fetch(url)
  return [response.status, response.headers.get('retry-after')]
}

test('SIGTERM lets streams run to their end and refuses what is new, then the process ends', async () => {
  const server = await start(60)
  expect(await statusOf(`${server.url}/readyz`)).toEqual([200, null])
  const streams = await Promise.all(Array.from({ length: 8 }, () => begin(server.url, 1500)))
  server.stop()
  await expect.poll(() => statusOf(`${server.url}/readyz`)).toEqual([503, null])
  expect(await statusOf(`${server.url}/v1/models`)).toEqual([503, '5'])
  expect(await statusOf(`${server.url}/healthz`)).toEqual([200, null])
  for (const { text } of streams)
    expect((await text).slice(-300)).toMatch(/"finish_reason":"length".*\n\ndata: \[DONE\]\n\n$/)
  expect(await server.exited).toEqual([0, null])
  await expect(fetch(server.url)).rejects.toThrow()
})

test('streams that are not through in time are ended with an error, and the process ends', async () => {
  const server = await start(0)
  const { text } = await begin(server.url, 8000)
  server.stop()
  expect((await text).slice(-300)).toMatch(
    /"error":\{"message":"the server stops[^}]*"code":"shutting_down"[^}]*\}\}\n\n$/,
  )
  expect(await server.exited).toEqual([0, null])
})
