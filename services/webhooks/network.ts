/** Where webhooks may go: no user may send this server to what only this server can reach. */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { kindOfAddress } from '../../infra/addresses.ts'
import { within } from '../../infra/within.ts'

export type Network = {
  /** Ranges that are not public and that the operator has opened. */
  allow: readonly string[]
  /** All addresses of a name. */
  resolve(host: string): Promise<LookupAddress[]>
  /** What a request may take, from the connection to the last byte that is read, in ms. */
  timeout: number
}

export const openNetwork = (allow: readonly string[]): Network => ({
  allow,
  resolve: (host) => lookup(host, { all: true }),
  timeout: 15_000,
})

/** Nothing can be delivered there; the message says why and may be shown to the user. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

const patience = 5000 // ms

/**
 * The addresses behind `url`, each of which may be connected to. A caller connects to these and asks no name again:
 * the next answer could be another one.
 * @throws Unreachable when there are none, or one of them is not for webhooks
 */
export async function addressesOf(
  url: URL,
  { allow, resolve }: Pick<Network, 'allow' | 'resolve'>,
): Promise<LookupAddress[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1') // decimal, octal and hex forms are dotted ones by now
  const family = isIP(host)
  const addresses = family ? [{ address: host, family }] : await resolved(host, resolve)
  const kinds = new Set(addresses.map(({ address }) => kindOfAddress(address, allow)))
  // The address itself is not told: it may be known to this network alone.
  if (kinds.has('closed'))
    throw new Unreachable(
      `${host} is at an address that is not public; the operator can open it by PREAMBLE_WEBHOOK_ALLOW`,
    )
  if (url.protocol === 'http:' && kinds.has('public'))
    throw new Unreachable(`${host} is on the Internet, where webhooks go by https alone`)
  return addresses
}

async function resolved(host: string, resolve: Network['resolve']): Promise<LookupAddress[]> {
  const addresses = await within(patience, resolve(host)).catch(() => [])
  if (addresses.length === 0) throw new Unreachable(`the name ${host} has no address`)
  return addresses
}
