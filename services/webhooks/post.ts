import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { type ClientRequest, request as http, type IncomingMessage } from 'node:http'
import { request as https } from 'node:https'
import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { addressesOf, type Network, Unreachable } from './network.ts'

export type Answer = {
  status: number
  /** The start of its body. */
  response: string
}

const maxRead = 1024 // bytes
const maxKept = 256 // characters

/**
 * Posts JSON to `url`, over a connection of its own to an address that was checked. Redirects are answers like any
 * other: where they lead was not checked.
 * @throws Unreachable when nothing answers
 */
export async function post(
  network: Network,
  url: URL,
  headers: Record<string, string>,
  body: string,
): Promise<Answer> {
  const addresses = await addressesOf(url, network)
  const send = url.protocol === 'https:' ? https : http
  const request = send(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'preamble-webhooks',
    },
    agent: false, // a connection kept from before would be to an address of before
    lookup: only(addresses),
    signal: AbortSignal.timeout(network.timeout),
  })
  request.on('error', () => {}) // also after the answer, when nobody waits for it any more
  try {
    const [response] = (await once(request.end(body), 'response')) as [IncomingMessage]
    return { status: response.statusCode!, response: await startOf(response) }
  } catch (error) {
    throw new Unreachable(`${url.hostname}: ${whyFailed(error as Error, request, network)}`, { cause: error })
  } finally {
    request.destroy()
  }
}

function whyFailed(error: NodeJS.ErrnoException, { socket }: ClientRequest, { timeout }: Network): string {
  if (error.name === 'AbortError') return `no answer within ${timeout / 1000} s`
  // What Node says after a semicolon is advice for who runs it.
  if (socket instanceof TLSSocket && socket.authorizationError)
    return `its certificate is refused: ${error.message.replace(/;.*/, '')}`
  return error.code ?? error.message
}

/** Answers every question for a name with these addresses. */
function only(addresses: LookupAddress[]): LookupFunction {
  const [first] = addresses
  return (_host, { all }, answer) =>
    all ? answer(null, addresses) : answer(null, first!.address, first!.family)
}

/** The start of a body, as text that a JSON column takes; however it goes on, the status has come. */
async function startOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let read = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      read += chunk.length
      if (read >= maxRead) break
    }
  } catch {
    // It broke off, or took too long.
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return text.slice(0, maxKept).toWellFormed()
}
