import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test, vi } from 'vitest'
import { ApiError } from '../../contract/errors.ts'
import { testDatabase } from '../db/testing.ts'
import { createLog } from '../log.ts'
import { createHttpApp } from './app.ts'
import { Lifetime } from './lifetime.ts'
import { type Listening, listen } from './serve.ts'
import { streamEvents } from './sse.ts'

const { db, close } = await testDatabase()
afterAll(close)

const anywhere = { host: '127.0.0.1', port: 0 }

/** Serves one stream of `events` and runs `use` on it. */
async function withStream(
  events: (signal: AbortSignal) => AsyncGenerator<unknown, void, void>,
  use: (
    server: Listening,
    seen: { aborted: Promise<void>; errors: unknown[]; lines: string[] },
  ) => Promise<void>,
) {
  const lines: string[] = []
  const log = createLog({ name: 'test', level: 'info' }, { write: (line) => lines.push(line) })
  const lifetime = new Lifetime()
  const app = createHttpApp({ db, name: 'test', version: '0', log, lifetime })
  lifetime.ending.addEventListener('abort', () => gone.abort(lifetime.ending.reason))
  const gone = new AbortController()
  const errors: unknown[] = []
  const aborted = new Promise<void>((resolve) => gone.signal.addEventListener('abort', () => resolve()))
  app.get('/stream', (c) =>
    streamEvents(c, events(gone.signal), {
      onDisconnect: () => gone.abort(),
      onError: (error) => errors.push(error),
    }),
  )
  const server = await listen(app, anywhere, lifetime)
  try {
    await use(server, { aborted, errors, lines })
  } finally {
    await server.close(0, 100)
  }
}

test('a stream is its events and [DONE]', async () => {
  async function* events() {
    yield { text: '一' }
    yield { text: '二' }
  }
  await withStream(events, async ({ url }) => {
    const response = await fetch(`${url}/stream`)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await response.text()).toBe('data: {"text":"一"}\n\ndata: {"text":"二"}\n\ndata: [DONE]\n\n')
  })
})

test('what fails before the first event has its own status', async () => {
  // biome-ignore lint/correctness/useYield: it fails before
  async function* events() {
    throw new ApiError('model_not_found', 'no model "x"')
  }
  await withStream(events, async ({ url }) => {
    const response = await fetch(`${url}/stream`)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_found' } })
  })
})

test('what fails later is the last event, without its cause', async () => {
  async function* events() {
    yield 1
    throw new Error('password is hunter2')
  }
  await withStream(events, async ({ url }, { errors }) => {
    const text = await (await fetch(`${url}/stream`)).text()
    expect(text).toMatch(
      /^data: 1\n\ndata: \{"error":\{.*"code":"server_error","request_id":"[\da-f-]{36}"\}\}\n\n$/,
    )
    expect(text).not.toContain('hunter2')
    expect(errors).toEqual([new Error('password is hunter2')])
  })
})

test('a client that hangs up stops the stream, also while it waits for an event', async () => {
  let closed = () => {}
  const finished = new Promise<void>((resolve) => {
    closed = resolve
  })
  async function* events(signal: AbortSignal) {
    try {
      yield 1
      await sleep(60_000, undefined, { signal }).catch(() => {})
    } finally {
      closed()
    }
  }
  await withStream(events, async ({ url }, { aborted }) => {
    const hangUp = new AbortController()
    const response = await fetch(`${url}/stream`, { signal: hangUp.signal })
    const reader = response.body!.getReader()
    await reader.read()
    hangUp.abort()
    await aborted
    await finished
  })
})

test('a client that hangs up before the first event stops the work too', async () => {
  const started = Promise.withResolvers<void>()
  async function* events(signal: AbortSignal) {
    started.resolve()
    await sleep(60_000, undefined, { signal }).catch(() => {})
    yield 1
  }
  await withStream(events, async ({ url }, { aborted }) => {
    const hangUp = new AbortController()
    const response = fetch(`${url}/stream`, { signal: hangUp.signal })
    await started.promise
    hangUp.abort()
    await expect(response).rejects.toThrow('aborted')
    await aborted
  })
})

test('a stream is told to the log when it has ended, with its error', async () => {
  async function* events() {
    yield 1
    throw new ApiError('timeout', 'it took too long')
  }
  await withStream(events, async ({ url }, { lines }) => {
    await (await fetch(`${url}/stream`)).text()
    await vi.waitFor(() => expect(lines).toHaveLength(1))
    expect(JSON.parse(lines[0]!)).toMatchObject({ route: '/stream', status: 200, error: 'timeout' })
  })
})

test('a server that closes ends what it has begun, and refuses what is new until then', async () => {
  const release = Promise.withResolvers<void>()
  async function* events() {
    yield 1
    await release.promise
    yield 2
  }
  await withStream(events, async (server) => {
    const answer = await fetch(`${server.url}/stream`)
    const closed = server.close()
    const refused = await fetch(`${server.url}/stream`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
    release.resolve()
    expect(await answer.text()).toBe('data: 1\n\ndata: 2\n\ndata: [DONE]\n\n')
    await closed
    await expect(fetch(`${server.url}/stream`)).rejects.toThrow()
  })
})

test('what has not ended in time is told to end, and why', async () => {
  async function* events(signal: AbortSignal) {
    yield 1
    await sleep(60_000, undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
  }
  await withStream(events, async (server) => {
    const answer = await fetch(`${server.url}/stream`)
    await server.close(10)
    expect(await answer.text()).toMatch(/^data: 1\n\ndata: \{"error":.*"code":"shutting_down"/)
  })
})

test('a server cuts off what does not end though it was told to', async () => {
  const started = Promise.withResolvers<void>()
  const server = await listen(
    {
      fetch() {
        started.resolve()
        return new Promise<Response>(() => {})
      },
    },
    anywhere,
  )
  const answer = fetch(server.url).catch((error: Error) => error)
  await started.promise
  await server.close(10, 10)
  expect(await answer).toBeInstanceOf(Error)
})

test('a port in use is an error that names it and what to do', async () => {
  const first = await listen({ fetch: () => new Response() }, anywhere)
  await expect(listen({ fetch: () => new Response() }, { ...anywhere, port: first.port })).rejects.toThrow(
    `cannot listen on 127.0.0.1 port ${first.port}: another program listens there; stop it, or set PORT to another port`,
  )
  const other = { ...anywhere, port: first.port, variable: 'PREAMBLE_PROBE_PORT' }
  await expect(listen({ fetch: () => new Response() }, other)).rejects.toThrow('set PREAMBLE_PROBE_PORT to')
  await first.close()
})

test('what never gets to a route is answered in the shape of all errors', async () => {
  const server = await listen({ fetch: () => new Response('never') }, anywhere)
  try {
    const long = await fetch(`${server.url}/?q=${'x'.repeat(20_000)}`)
    expect([long.status, (await long.json()).error.code]).toEqual([431, 'headers_too_large'])
    const socket = connect(server.port, '127.0.0.1')
    socket.end('no request\r\n\r\n')
    const [head, body] = (await text(socket)).split('\r\n\r\n')
    expect(head).toContain('HTTP/1.1 400 Bad Request\r\n')
    expect(JSON.parse(body!).error).toMatchObject({ code: 'invalid_value', type: 'invalid_request_error' })
  } finally {
    await server.close(0, 0)
  }
})
