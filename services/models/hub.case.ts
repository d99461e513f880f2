/** A hub for tests: it speaks Hugging Face's protocol on one port, and keeps large files on another, as a CDN does. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Asked = { file: string; range: string | undefined; authorization: string | undefined; sent: number }

export type TestHub = {
  endpoint: string
  /** Requests to the hub itself, and those for large files. */
  asked: Asked[]
  cdn: Asked[]
  /** Files whose next answers stop after so many bytes each; the connection stays until `drop`. */
  stalls: Map<string, number[]>
  /** Files that are sent with their last byte changed. */
  corrupt: Set<string>
  /** Whether files are sent whole, whatever part is asked for. */
  wholeOnly: boolean
  /** Whether the repository is shown to all, and its files only to those who accepted its terms. */
  gated: boolean
  /** How many requests are answered with 503 before the hub is well again. */
  failures: number
  /** The token that must be shown, if any. */
  token: string | undefined
  /** Ends the connections that stalled. */
  drop(): void
  close(): Promise<void>
}

const commit = 'c'.repeat(40)
const largerThan = 10_000 // bytes

/** Serves the files of one repository, at the revision `main`. */
export async function startHub(repository: string, files: Record<string, Uint8Array>): Promise<TestHub> {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const gitSha1 = (bytes: Uint8Array) =>
    createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  const hub: Omit<TestHub, 'endpoint' | 'drop' | 'close'> = {
    asked: [],
    cdn: [],
    stalls: new Map(),
    corrupt: new Set(),
    wholeOnly: false,
    gated: false,
    failures: 0,
    token: undefined,
  }

  const stalled = new Set<ServerResponse>()
  const drop = () => {
    for (const response of stalled) response.destroy()
    stalled.clear()
  }

  const tree = Object.entries(files).map(([path, bytes]) => ({
    type: 'file',
    path,
    size: bytes.length,
    oid: gitSha1(bytes),
    ...(bytes.length > largerThan && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } }),
  }))

  function send(request: IncomingMessage, response: ServerResponse, file: string, log: Asked[]): void {
    const { range, authorization } = request.headers
    const entry: Asked = { file, range, authorization, sent: 0 }
    log.push(entry)
    const whole = Uint8Array.from(files[file]!)
    if (hub.corrupt.has(file)) whole[whole.length - 1]! ^= 1
    const from = hub.wholeOnly ? undefined : /^bytes=(\d+)-$/.exec(range ?? '')?.[1]
    const rest = whole.subarray(Number(from ?? 0))
    response.writeHead(from ? 206 : 200, {
      'content-length': rest.length,
      ...(from && { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` }),
    })
    const end = hub.stalls.get(file)?.shift()
    const part = rest.subarray(0, end)
    entry.sent = part.length
    if (end === undefined) return void response.end(part)
    response.write(part)
    stalled.add(response)
  }

  const cdn = await listen((request, response) => send(request, response, request.url!.slice(1), hub.cdn))
  const server = await listen((request, response) => {
    const path = new URL(request.url!, 'http://hub').pathname
    const answer = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (hub.failures-- > 0) return answer(503, { error: 'Service Unavailable' })
    if (hub.token && request.headers.authorization !== `Bearer ${hub.token}`)
      return answer(401, { error: 'Invalid credentials in Authorization header' })
    const api = `/api/models/${repository}`
    if (path === `${api}/revision/main` || path === `${api}/revision/${commit}`)
      return answer(200, { _id: '1', id: repository, sha: commit, lastModified: '2026-01-01T00:00:00Z' })
    if (path === `${api}/tree/${commit}`) return answer(200, tree)
    const file = path.startsWith(`/${repository}/resolve/${commit}/`) ? path.split('/').at(-1)! : ''
    const bytes = files[file]
    if (!bytes) return answer(404, { error: 'Repository not found' })
    if (hub.gated) {
      response.setHeader('x-error-code', 'GatedRepo')
      return answer(403, { error: 'Access to this model is restricted' })
    }
    if (bytes.length <= largerThan) return send(request, response, file, hub.asked)
    hub.asked.push({
      file,
      range: request.headers.range,
      authorization: request.headers.authorization,
      sent: 0,
    })
    response.writeHead(302, {
      location: `${cdn.url}/${file}`,
      'x-repo-commit': commit,
      'x-linked-size': bytes.length,
      'x-linked-etag': `"${sha256(bytes)}"`,
    })
    return response.end()
  })
  const close = async () => {
    await Promise.all([server.close(), cdn.close()])
  }
  return Object.assign(hub, { endpoint: server.url, drop, close })
}

async function listen(handle: RequestListener) {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${port}`, close }
}
