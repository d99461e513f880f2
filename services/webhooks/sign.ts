/** Signatures as Standard Webhooks has them: https://www.standardwebhooks.com, scheme v1. */
import { createHmac, randomBytes } from 'node:crypto'

const prefix = 'whsec_'

/** A new secret: 256 bits. */
export const newSecret = () => `${prefix}${randomBytes(32).toString('base64')}`

/** What may be shown of a secret. */
export const hintOf = (secret: string) => `${prefix}…${secret.slice(-4)}`

/** The headers that let a receiver who knows one of the secrets trust the body, its id and its age. */
export function signedHeaders(
  { id, body, at }: { id: string; body: string; at: Date },
  secrets: readonly string[],
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
