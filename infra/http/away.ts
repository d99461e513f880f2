/** Failures of what a service stands on: the database or the storage is away, and will be back. */

/** Of connections, as Node names them, and of Postgres when it stops, starts, or is full. */
const codes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN'],
  ...['57P01', '57P02', '57P03', '53300', '08000', '08003', '08006'],
])
/** node-postgres has no code for a connection that ends amid a query, or does not come. */
const messages = /^(Connection terminated|timeout exceeded when trying to connect)/

type Failure = Error & { code?: unknown; $metadata?: { httpStatusCode?: number } }

/** Whether `error`, or what caused it, is such a failure. */
export function isAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, message, $metadata } = at as Failure
    if (codes.has(String(code)) || messages.test(message)) return true
    // What storage still answers after all tries.
    if (($metadata?.httpStatusCode ?? 0) >= 500) return true
  }
  return false
}
