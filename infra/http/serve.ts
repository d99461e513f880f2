import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

/** Any Hono app. */
type App = { fetch(request: Request): Response | Promise<Response> }

export type Listening = {
  url: string
  port: number
  /** Takes no new requests and waits for those in flight; after `patience` ms their connections are cut. */
  close(patience?: number): Promise<void>
}

/** Serves `app` on `host` and `port`; port 0 is any free one. Throws when it cannot listen there. */
export async function listen(app: App, { host, port }: { host: string; port: number }): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  let closing = false
  // A client keeps its connection for the next request; a server that closes has no next one.
  server.on('request', (_, response) => {
    response.on('close', () => closing && setImmediate(() => server.closeIdleConnections()))
  })
  server.listen(port, host)
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot listen on ${host} port ${port}: ${reasons[error.code ?? ''] ?? error.message}`, {
      cause: error,
    })
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address

  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    async close(patience = 10_000) {
      closing = true
      const cut = setTimeout(() => server.closeAllConnections(), patience)
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await closed
      clearTimeout(cut)
    },
  }
}

const reasons: Record<string, string | undefined> = {
  EADDRINUSE: 'another program listens there; stop it, or set PORT to another port',
  EACCES: 'this user may not; set PORT to 1024 or higher',
  EADDRNOTAVAIL: 'this machine has no such address; set HOST to one of its own',
  ENOTFOUND: 'no such host name; set HOST to an address of this machine',
}
