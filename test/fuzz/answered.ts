import { headersOf } from './things.ts'

/** Requests by route, and of them by status. */
export type Answered = Map<string, Map<number, number>>

const sample = /^preamble_http_requests_total\{method="(.*)",route="(.*)",status="(\d+)"\} (\d+)$/

/** What the server says that it has answered since it started. */
export async function answered(url: string, key: string): Promise<Answered> {
  const response = await fetch(`${url}/metrics`, { headers: headersOf(key) })
  if (!response.ok)
    throw new Error(`/metrics answered ${response.status}: the key that was fuzzed with is gone`)
  const byRoute: Answered = new Map()
  for (const line of (await response.text()).split('\n')) {
    const [, method, path, status, n] = sample.exec(line) ?? []
    if (method === undefined) continue
    const route = `${method} ${path}`
    const byStatus = byRoute.get(route) ?? new Map<number, number>()
    byRoute.set(route, byStatus.set(Number(status), Number(n)))
  }
  return byRoute
}

/** A line for each route: how many requests, and how each was answered. */
export function table(byRoute: Answered): string[] {
  return [...byRoute].sort().map(([route, byStatus]) => {
    const statuses = [...byStatus].sort(([a], [b]) => a - b).map(([status, n]) => `${status} × ${n}`)
    return `${String(sum(byStatus)).padStart(6)}  ${route.padEnd(64)} ${statuses.join(', ')}`
  })
}

export const total = (byRoute: Answered) =>
  [...byRoute.values()].reduce((n, byStatus) => n + sum(byStatus), 0)

const sum = (byStatus: Map<number, number>) => [...byStatus.values()].reduce((a, b) => a + b, 0)
