import type { Ask } from './ask.ts'

/** Requests by route, and of them by status. */
export type Answered = Map<string, Map<number, number>>

const sample = /^preamble_http_requests_total\{method="(.*)",route="(.*)",status="(\d+)"\} (\d+)$/

/** What the server says that it has answered, beyond what it had `before`. */
export async function answered(ask: Ask, before: Answered = new Map()): Promise<Answered> {
  const byRoute: Answered = new Map()
  for (const line of (await ask.text('/metrics')).split('\n')) {
    const [, method, path, status, n] = sample.exec(line) ?? []
    if (method === undefined) continue
    const route = `${method} ${path}`
    const more = Number(n) - (before.get(route)?.get(Number(status)) ?? 0)
    const byStatus = byRoute.get(route) ?? new Map<number, number>()
    if (more > 0) byRoute.set(route, byStatus.set(Number(status), more))
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

/** Whether one of its answers has a status for which `is` says yes. */
export const some = (byStatus: Map<number, number>, is: (status: number) => boolean) =>
  [...byStatus.keys()].some(is)
