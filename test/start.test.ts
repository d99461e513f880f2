/** `npm start` when processes die: nothing is left behind, and no job is lost. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Job, JobEvent } from '../contract/job.ts'
import { args, temporary, writeBase } from '../engine/tiny.case.ts'
import { type Server, startServer } from '../scripts/demo/server.ts'

const models = temporary()
const home = temporary()
let server: Server
beforeAll(async () => {
  writeBase(join(models.root, 'tiny'))
  server = await startServer(home.root, { MODELS: models.root, PREAMBLE_PROBE_PORT: '0' })
})
afterAll(async () => {
  await server?.stop()
  home.remove()
  models.remove()
})

/** What the processes of the server logged so far. */
const logged = () =>
  readFileSync(join(home.root, 'server.log'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { name: string; pid: number; msg: string; url?: string })
/** The process ids that said `message`, in order. */
const pidsOf = (message: string) => logged().flatMap(({ msg, pid }) => (msg === message ? [pid] : []))
/** A process that ended and that nobody has asked about yet counts as ended. */
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function ask<T>(path: string, body?: object | FormData): Promise<T> {
  const json = body && !(body instanceof FormData)
  const response = await fetch(`${server.url}/v1${path}`, {
    method: body ? 'POST' : 'GET',
    body: json ? JSON.stringify(body) : (body as FormData | undefined),
    headers: json ? { 'content-type': 'application/json' } : {},
  })
  expect(response.status).toBeLessThan(300)
  return (await response.json()) as T
}
const messagesOf = async ({ id }: Job) => {
  const { data } = await ask<{ data: JobEvent[] }>(`/fine_tuning/jobs/${id}/events?limit=100&order=asc`)
  return data.map(({ message }) => message)
}

/** A job that would train for hours. */
async function endlessJob(): Promise<Job> {
  const form = new FormData()
  form.set('purpose', 'fine-tune')
  form.set('file', new Blob(['问\n答\n\n你好\n你好\n']), 'corpus.txt')
  const { id } = await ask<{ id: string }>('/files', form)
  return ask<Job>('/fine_tuning/jobs', {
    model: 'tiny',
    training_file: id,
    peft: { num_virtual_tokens: 4 },
    training_args: { ...args, max_steps: 10_000_000, logging_steps: 100 },
  })
}

const patiently = { timeout: 50_000, interval: 200 }

test('services on one port are watched as one', async () => {
  const ready = await fetch(`${server.url}/readyz`)
  expect(await ready.json()).toEqual({
    ...{ status: 'ready', service: 'preamble' },
    checks: { server: 'ok', database: 'ok', storage: 'ok', engine: 'ok' },
  })
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  for (const name of ['process_cpu_seconds_total', 'preamble_http_requests_total', 'preamble_queue_length'])
    expect(metrics.split(`# TYPE ${name} `)).toHaveLength(2)
})

test('the worker beside them is watched on a port of its own', async () => {
  const probes = () => logged().find(({ msg }) => msg === 'listening for probes')!
  await vi.waitFor(() => expect(probes()).toMatchObject({ name: 'train-worker' }), patiently)
  const { url } = probes()
  expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ service: 'train-worker' })
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({
    ...{ status: 'ready', service: 'train-worker' },
    checks: { server: 'ok', database: 'ok', storage: 'ok' },
  })
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('# TYPE process_cpu_seconds_total ')
})

test('a worker that is killed is replaced, and its job starts again', async () => {
  const job = await endlessJob()
  await vi.waitFor(
    async () => expect(await messagesOf(job)).toContainEqual(expect.stringMatching(/^Step 100\//)),
    patiently,
  )
  const [first] = pidsOf('waiting for jobs')
  process.kill(first!, 'SIGKILL')
  await vi.waitFor(() => expect(pidsOf('waiting for jobs')).toHaveLength(2), patiently)
  // The lease of the dead one runs out before.
  await vi.waitFor(
    async () =>
      expect(await messagesOf(job)).toContainEqual(
        expect.stringContaining('starts again from the beginning'),
      ),
    patiently,
  )
  expect(await ask<Job>(`/fine_tuning/jobs/${job.id}/cancel`, {})).toMatchObject({ status: 'cancelled' })
}, 100_000)

test('a port in use is one line that says what to do', async () => {
  const { port } = new URL(server.url)
  const second = temporary()
  await expect(startServer(second.root, { PORT: port })).rejects.toThrow(
    `cannot listen on 127.0.0.1 port ${port}: another program listens there; stop it, or set PORT to another port`,
  )
  second.remove()
})

test('a server that is killed leaves no process behind', async () => {
  const worker = pidsOf('waiting for jobs').at(-1)!
  const postgres = Number(readFileSync(join(home.root, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  expect([worker, postgres].map(isAlive)).toEqual([true, true])
  process.kill(pidsOf('listening')[0]!, 'SIGKILL')
  await vi.waitFor(() => expect([worker, postgres].map(isAlive)).toEqual([false, false]), patiently)
})
