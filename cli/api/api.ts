/** Preamble's HTTP API as functions: JSON in, JSON out, failures as `ApiError` with the server's own words. */
import { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { serverSentEvents } from './sse.ts'

/** The server refused, or cannot be reached: one sentence, exit code 1. */
export class ApiError extends Error {
  readonly status: number | undefined

  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

/** A form as its bytes are sent. */
export type FormStream = { boundary: string; content: AsyncIterable<Uint8Array> }

export type Api = ReturnType<typeof connect>

/** The API of the server at `base`, for example `http://127.0.0.1:8080`, with a key if it wants one; nothing is sent yet. */
export function connect(base: string, key?: string) {
  const address = (path: string) => new URL(path, base.endsWith('/') ? base : `${base}/`)
  if (!URL.canParse(base)) throw new ApiError(`"${base}" is no URL; try http://127.0.0.1:8080`)

  async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, ...(key && { authorization: `Bearer ${key}` }) }
    const response = await fetch(address(path), { method, ...init, headers }).catch((error: Error) => {
      throw unreachable(error, base)
    })
    if (!response.ok) throw new ApiError((await refusal(response)) + hint(response), response.status)
    return response
  }
  const json = (body: unknown): RequestInit => ({
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })

  return {
    get: async <T>(path: string) => (await (await send('GET', path)).json()) as T,
    /** The answer's bytes as they come. */
    download: async (path: string) => (await send('GET', path)).body!,
    text: async (path: string) => (await send('GET', path)).text(),
    post: async <T>(path: string, body?: unknown) =>
      (await (await send('POST', path, body === undefined ? {} : json(body))).json()) as T,
    postForm: async <T>(path: string, form: FormData | FormStream) =>
      (await (
        await send('POST', path, form instanceof FormData ? { body: form } : streamed(form))
      ).json()) as T,
    delete: async (path: string) => {
      await send('DELETE', path)
    },
    /** Posts `body` and yields the parsed events of the answer; `signal` hangs up. */
    async *stream<T extends object>(
      path: string,
      body: unknown,
      signal?: AbortSignal,
    ): AsyncGenerator<T, void, void> {
      const response = await send('POST', path, { ...json(body), signal })
      for await (const data of serverSentEvents(response.body!)) {
        const event = JSON.parse(data) as T | { error: { message: string } }
        if ('error' in event) throw new ApiError((event.error as { message: string }).message)
        yield event as Awaited<T>
      }
    },
  }
}

const streamed = ({ boundary, content }: FormStream): RequestInit & { duplex: 'half' } => ({
  body: NodeReadableStream.from(content) as ReadableStream<Uint8Array>,
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  duplex: 'half',
})

function unreachable(error: Error & { cause?: unknown }, base: string): Error {
  if (error.name === 'AbortError') return error
  const { code, message } = (error.cause ?? error) as { code?: string; message: string }
  if (code !== 'ECONNREFUSED') return new ApiError(`cannot reach ${base}: ${message || code}`)
  return new ApiError(
    `no server answers at ${base}; start one with \`npm start\`, or name another with --url or PREAMBLE_URL`,
  )
}

/** What only the command line knows of an error. */
const hint = ({ status }: Response): string =>
  status === 401 ? '; the command line takes it from PREAMBLE_API_KEY' : ''

/** What the server said was wrong, or its status where it did not answer in OpenAI's shape. */
async function refusal(response: Response): Promise<string> {
  const text = await response.text()
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message
  } catch {
    return `${response.url} answered ${response.status} ${response.statusText}; is it a Preamble server?`
  }
}
