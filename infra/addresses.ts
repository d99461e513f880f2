/** Which IP addresses a request that users can direct may go to. */
import ipaddr from 'ipaddr.js'

/** What `private` stands for. Link-local addresses are not among them: there clouds hand out credentials. */
const ownNetworks = [
  ...['127.0.0.0/8', '::1/128'],
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
]

type Range = ReturnType<typeof ipaddr.parseCIDR>
const globalUnicast = ipaddr.parseCIDR('2000::/3')

/** The ranges of a list such as `10.1.0.0/16,fd00::/8,private`; undefined: that is none. */
export function readRanges(list: string): string[] | undefined {
  const ranges = list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part) => (part === 'private' ? ownNetworks : [part]))
  return ranges.every((range) => ipaddr.isValidCIDR(range)) ? ranges : undefined
}

/** `allowed`: in one of the ranges; `public`: an address of the Internet; `closed`: all others, and what is none. */
export function kindOfAddress(address: string, ranges: readonly string[]): 'allowed' | 'public' | 'closed' {
  if (!ipaddr.isValid(address)) return 'closed'
  const ip = ipaddr.process(address) // an IPv4 address in IPv6's clothes is the IPv4 address
  const isIn = (range: Range) => ip.kind() === range[0].kind() && ip.match(range)
  if (ranges.some((range) => isIn(ipaddr.parseCIDR(range)))) return 'allowed'
  // Of the ranges with a name, from loopback to 6to4, none is the public's, and of IPv6 only 2000::/3 is given out.
  const isPublic = ip.range() === 'unicast' && (ip.kind() === 'ipv4' || isIn(globalUnicast))
  return isPublic ? 'public' : 'closed'
}
