/** A line to a server that fails as it is told to: what stands between a client and storage that is far away. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What happens to a request: `busy` and `reset` do not reach the server, `lost` is done there and not answered, `cut`
 * and `flip` spoil the answer in its middle.
 */
type Fate = 'well' | 'busy' | 'reset' | 'lost' | 'cut' | 'flip'

export type Flaky = {
  url: string
  /** Decides on each request from now on. */
  decide(fate: (request: { method: string; url: string; range: string | undefined }) => Fate): void
  close(): void
}

export async function flakyLine(target: string): Promise<Flaky> {
  let fateOf: Parameters<Flaky['decide']>[0] = () => 'well'
  const server = createServer((asked, answer) => {
    const fate = fateOf({ method: asked.method!, url: asked.url!, range: asked.headers.range })
    if (fate === 'reset') return void asked.socket.destroy()
    if (fate === 'busy') {
      asked.resume()
      return void answer.writeHead(503).end()
    }
    const { hostname, port } = new URL(target)
    const { method, url: path, headers } = asked
    const onward = request({ hostname, port, method, path, headers }, (got) => pass(fate, got, answer))
    onward.on('error', () => answer.destroy())
    asked.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decide: (fate) => {
      fateOf = fate
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function pass(fate: Fate, got: IncomingMessage, answer: ServerResponse): Promise<void> {
  const chunks: Buffer[] = await got.toArray()
  const body = Buffer.concat(chunks)
  const middle = body.length >> 1
  if (fate === 'lost') return void answer.destroy()
  if (fate === 'flip') body[middle]! ^= 1
  answer.writeHead(got.statusCode!, got.headers)
  if (fate === 'cut') answer.write(body.subarray(0, middle), () => answer.destroy())
  else answer.end(body)
}
