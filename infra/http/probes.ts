/** What a service answers to those who watch it: `/healthz`, `/readyz` and `/metrics`. */
import type { Hono } from 'hono'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { within } from '../within.ts'
import type { HttpEnv } from './app.ts'
import type { Lifetime } from './lifetime.ts'

/** What a service cannot do without, by name; one that is missing throws why, for the log. */
export type Checks = Record<string, () => Promise<unknown>>

export type Watched = {
  name: string
  version: string
  log: Log
  metrics: Metrics
  lifetime: Lifetime
  ready: Checks
}

/** Asked every few seconds, and answered also by a server that stops. */
export const probes: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

const patience = 2000 // ms: what takes longer is as good as missing

export function addProbes(
  app: Hono<HttpEnv>,
  { name, version, log, metrics, lifetime, ready }: Watched,
): void {
  app.get('/healthz', (c) => c.json({ status: 'ok', service: name, version }))

  app.get('/readyz', async (c) => {
    const found = await Promise.all(
      Object.entries(ready).map(async ([what, check]) => [what, await problemOf(check)]),
    )
    const checks: Record<string, string> = { server: lifetime.draining ? 'stops' : 'ok' }
    for (const [what, problem] of found) {
      checks[what as string] = problem === undefined ? 'ok' : 'missing'
      if (problem !== undefined)
        log.warn({ request: c.var.requestId, check: what, err: problem }, 'not ready')
    }
    const isReady = Object.values(checks).every((state) => state === 'ok')
    return c.json({ status: isReady ? 'ready' : 'unready', service: name, checks }, isReady ? 200 : 503)
  })

  app.get('/metrics', async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  )
}

/** Why a check fails; undefined: it does not. */
async function problemOf(check: () => Promise<unknown>): Promise<unknown> {
  try {
    await within(patience, check())
  } catch (error) {
    return error
  }
}
