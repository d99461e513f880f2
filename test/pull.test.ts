/** A pull by a really started `npm start`, which is stopped and killed on the way. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { BaseModel } from '../contract/base-model.ts'
import type { ChatCompletion } from '../contract/chat.ts'
import { temporary } from '../engine/tiny.case.ts'
import { type Server, startServer } from '../scripts/demo/server.ts'
import { startHub, type TestHub } from '../services/models/hub.case.ts'

const id = 'preamble/preamble-tiny'
const shipped = join(import.meta.dirname, '..', 'models', 'preamble-tiny')
const home = temporary()
let hub: TestHub
let server: Server
beforeAll(async () => {
  const files = (await readdir(shipped)).map(
    async (name) => [name, await readFile(join(shipped, name))] as const,
  )
  hub = await startHub(id, Object.fromEntries(await Promise.all(files)))
  await mkdir(join(home.root, 'no-models'))
  await start()
})
afterAll(async () => {
  await server?.stop()
  await hub?.close()
  home.remove()
})

async function start(): Promise<void> {
  server = await startServer(home.root, { MODELS: join(home.root, 'no-models'), HF_ENDPOINT: hub.endpoint })
}

async function ask<T>(path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const init = body && { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await fetch(`${server.url}/v1/${path}`, init)
  expect(response.status).toBeLessThan(300)
  return (await response.json()) as T
}
const usable = async () => (await ask<{ data: { id: string }[] }>('models')).data.map((model) => model.id)

/** How much of the weights lies on the disk. */
function arrived(): number {
  const downloads = join(home.root, 'downloads')
  const [directory] = readdirSync(downloads)
  return statSync(join(downloads, directory!, 'model.safetensors')).size
}

/** Ends the server at once, with no chance to say or write anything. */
async function kill(): Promise<void> {
  const lines = readFileSync(join(home.root, 'server.log'), 'utf8').split('\n')
  const { pid } = JSON.parse(lines.findLast((line) => line.includes('"msg":"listening"'))!) as { pid: number }
  process.kill(pid, 'SIGKILL')
  await server.stop()
}

const patiently = { timeout: 90_000, interval: 100 }

test('a pull goes on after the server was stopped, and after it was killed, and the model answers', async () => {
  hub.stalls.set('model.safetensors', [4_000_000, 3_000_000])
  await ask('base_models', { source: id })
  await vi.waitFor(() => expect(arrived()).toBe(4_000_000), patiently)
  expect(await usable()).toEqual([])
  await server.stop()

  await start()
  await vi.waitFor(() => expect(arrived()).toBe(7_000_000), patiently)
  expect(await usable()).toEqual([])
  await kill()

  await start()
  // The lease of the dead server runs out before.
  const status = async () => (await ask<BaseModel>(`base_models/${id}`)).status
  await vi.waitFor(async () => expect(await status()).toBe('ready'), patiently)
  const parts = hub.cdn.filter(({ file }) => file === 'model.safetensors')
  expect(parts.map(({ range }) => range)).toEqual([undefined, 'bytes=4000000-', 'bytes=7000000-'])
  expect(await readdir(join(home.root, 'downloads'))).toEqual([])

  expect(await usable()).toEqual([id])
  const messages = [{ role: 'user', content: '你好' }]
  const answer = await ask<ChatCompletion>('chat/completions', { model: id, messages, max_tokens: 8 })
  expect(answer.choices[0]!.message.content).not.toBe('')
}, 200_000)
