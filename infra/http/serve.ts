import { once } from 'node:events'
import { maxHeaderSize, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import { ApiError } from '../../contract/errors.ts'
import { Lifetime } from './lifetime.ts'

/** Any Hono app. */
type App = { fetch(request: Request): Response | Promise<Response> }

export type Listening = {
  url: string
  port: number
  /**
   * Drains: new requests are refused by the app, and those that run may take `patience` ms more. What still runs then
   * is told to end, and may take `lastWords` ms to say so to its client before it is cut off.
   */
  close(patience?: number, lastWords?: number): Promise<void>
}

/**
 * Serves `app` on `host` and `port`; port 0 is any free one. Throws when it cannot listen there.
 * @param variable which names the port in the configuration
 * @param lifetime the one that the app was made with
 */
export async function listen(
  app: App,
  { host, port, variable = 'PORT' }: { host: string; port: number; variable?: string },
  lifetime = new Lifetime(),
): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const running = new Set<ServerResponse>()
  let idle: (() => void) | undefined
  server.on('request', (_, response: ServerResponse) => {
    running.add(response)
    // A client keeps its connection for the next request; a server that stops has no next one.
    if (lifetime.draining) response.setHeader('connection', 'close')
    response.on('close', () => {
      running.delete(response)
      if (running.size === 0) idle?.()
    })
  })
  server.on('clientError', refuse)
  server.listen(port, host)
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const reason = reasonsFor(variable)[error.code ?? ''] ?? error.message
    throw new Error(`cannot listen on ${host} port ${port}: ${reason}`, { cause: error })
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address

  /** Waits until nothing runs, but no longer than `ms`. */
  async function settled(ms: number): Promise<void> {
    if (running.size === 0) return
    const done = Promise.withResolvers<void>()
    idle = done.resolve
    const late = setTimeout(done.resolve, ms)
    await done.promise
    clearTimeout(late)
  }

  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    async close(patience = 10_000, lastWords = 2000) {
      lifetime.drain()
      await settled(patience)
      lifetime.end()
      await settled(lastWords)
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** What is no HTTP request gets to no app; it is told so, in the shape that all errors have. */
function refuse({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const error =
    code === 'HPE_HEADER_OVERFLOW'
      ? new ApiError('headers_too_large', `the address and headers are longer than ${maxHeaderSize} bytes`)
      : new ApiError('invalid_value', 'this is no HTTP request that can be read')
  const body = JSON.stringify(error.body)
  socket.end(
    [
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
      ...['connection: close', 'content-type: application/json'],
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ].join('\r\n'),
  )
}

const reasonsFor = (variable: string): Record<string, string | undefined> => ({
  EADDRINUSE: `another program listens there; stop it, or set ${variable} to another port`,
  EACCES: `this user may not; set ${variable} to 1024 or higher`,
  EADDRNOTAVAIL: 'this machine has no such address; set HOST to one of its own',
  ENOTFOUND: 'no such host name; set HOST to an address of this machine',
})
