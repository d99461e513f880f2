/** Numbers about a process for Prometheus, which fetches them at `/metrics`. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  /** Where a service adds numbers of its own. */
  registry: Registry
  /** Counts an answered request. */
  answered(request: { method: string; route: string; status: number }, seconds: number): void
}

/** One for each process: services on one port share it. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const requests = new Counter({
    name: 'preamble_http_requests_total',
    help: 'Requests answered, streams when they have ended.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  })
  const duration = new Histogram({
    name: 'preamble_http_request_seconds',
    help: 'From the request to the end of its answer.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers: [registry],
  })
  return {
    registry,
    answered({ method, route, status }, seconds) {
      requests.inc({ method, route, status })
      duration.observe({ method, route }, seconds)
    },
  }
}

/** A number by status, asked of the database when Prometheus asks: what all processes see. Left out where it is not told. */
export function countByStatus(
  { registry }: Metrics,
  { name, help }: { name: string; help: string },
  ask: () => Promise<readonly { status: string; n: number }[]>,
): void {
  new Gauge({
    ...{ name, help, labelNames: ['status'], registers: [registry] },
    async collect() {
      this.reset()
      for (const { status, n } of await ask().catch(() => [])) this.set({ status }, n)
    },
  })
}

/**
 * Labels for values that come from the outside: the first `most` have their own, all others share one, for each label
 * costs memory here and in Prometheus for good.
 */
export function boundedLabels(most: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.size < most) known.add(value)
    return known.has(value) ? value : 'other'
  }
}
