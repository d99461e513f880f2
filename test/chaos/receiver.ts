/** A receiver of webhooks that is down half of the time, each time in another way, and remembers what came. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import type { WebhookEvent } from '../../contract/webhook.ts'
import type { Random } from '../../engine/random.ts'

/** Answers, cannot be connected to, says that it failed, says nothing. */
type Mood = 'up' | 'away' | 'failing' | 'silent'
const downs = ['away', 'failing', 'silent'] as const

export type Delivered = { bodies: Set<string>; event: WebhookEvent; taken: number }

export type Receiver = {
  url: string
  /** The secret of its endpoint, once it has one. */
  secret: string
  /** What came with a valid signature by `webhook-id`; `taken`: how often it was answered with a 2xx. */
  delivered: Map<string, Delivered>
  counts: { requests: number; refused: number }
  /** Why a signature was not valid, or an id not the event's. */
  wrong: string[]
  /** Up and down in turns of the same length until `signal` aborts; then up for good. */
  beMoody(signal: AbortSignal): Promise<void>
  close(): void
}

export async function openReceiver(port: number, random: Random): Promise<Receiver> {
  const { webhooks } = new OpenAI({ apiKey: 'none' })
  let mood: Mood = 'up'
  const server = createServer((request, response) => void take(request, response).catch(() => {}))
  const listen = async () => void (await once(server.listen(port, '127.0.0.1'), 'listening'))
  await listen()

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    receiver.counts.requests += 1
    const { headers } = request
    const id = headers['webhook-id'] as string
    try {
      const event = (await webhooks.unwrap(
        body,
        headers as Record<string, string>,
        receiver.secret,
      )) as unknown as WebhookEvent
      if (event.id !== id) throw new Error(`webhook-id ${id} is not the event's`)
      const known = receiver.delivered.get(id) ?? { bodies: new Set(), event, taken: 0 }
      known.bodies.add(body)
      if (mood === 'up') known.taken += 1
      receiver.delivered.set(id, known)
    } catch (error) {
      receiver.wrong.push(`${id}: ${(error as Error).message}`)
    }
    if (mood !== 'up') receiver.counts.refused += 1
    if (mood !== 'silent') response.writeHead(mood === 'up' ? 200 : 503).end()
  }

  async function become(next: Mood): Promise<void> {
    if (mood === 'away' && next !== 'away') await listen()
    mood = next
    if (next !== 'away') return
    server.close()
    server.closeAllConnections()
  }

  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/`,
    secret: '',
    delivered: new Map(),
    counts: { requests: 0, refused: 0 },
    wrong: [],
    async beMoody(signal) {
      while (!signal.aborted) {
        const ms = 4000 + 12_000 * random.uniform()
        await sleep(ms, undefined, { signal }).catch(() => {})
        if (signal.aborted) break
        await become(downs[random.below(downs.length)]!)
        await sleep(ms, undefined, { signal }).catch(() => {})
        await become('up')
      }
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  return receiver
}
