/** What the tests of this service share: a real database, a receiver that answers as it is told, and a clock. */
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import type { WebhookEventType } from '../../contract/webhook.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { createLog } from '../../infra/log.ts'
import { announce } from '../../infra/outbox.ts'
import { createApp } from './app.ts'
import { claimDelivery } from './claim-delivery.ts'
import { deliver } from './deliver.ts'

export type Received = { headers: IncomingHttpHeaders; body: string; path: string }

export const hour = 3_600_000 // ms

export async function setUp() {
  const { db, close } = await testDatabase()
  const received: Received[] = []
  /** How the receiver answers. */
  const answer = { status: 200, headers: {} as Record<string, string>, body: '', silent: false }
  const receiver = createServer(async (request, response) => {
    const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>)
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url! })
    if (answer.silent) return
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const { port } = receiver.address() as AddressInfo

  /** Stands still; a minute ahead of the database's, by which new deliveries are due at once. */
  let clock = Date.now() + 60_000 // ms
  /** Names and their addresses; each list is one answer, the last one stays. */
  const names = new Map<string, string[][]>([['hooks.test', [['127.0.0.1']]]])
  const asked: string[] = []
  const network = {
    allow: ['127.0.0.0/8'],
    timeout: 5000, // ms
    async resolve(host: string): Promise<LookupAddress[]> {
      asked.push(host)
      const answers = names.get(host) ?? [[]]
      const now = answers.length > 1 ? answers.shift()! : answers[0]!
      return now.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    },
  }
  const log = createLog({ name: 'test', level: 'silent' })
  const now = () => new Date(clock)
  const deps = { ...{ db, network, now, log, version: '0' }, random: () => 0 }
  const app = createApp(deps)
  const openai = new OpenAI({
    baseURL: 'http://localhost/v1',
    apiKey: 'none',
    maxRetries: 0,
    fetch: async (input, init) => app.request(input as string, init as RequestInit),
  })

  return {
    ...{ db, deps, app, openai, names, asked, received, answer, port },
    receiver: `http://hooks.test:${port}/hook`,
    /** Lets time pass. */
    later(ms: number) {
      clock += ms
    },
    tell: (type: WebhookEventType, subject: string) =>
      db.transaction((tx) => announce(tx, firstProject, type, subject)),
    /** Sends all that is due, and answers how much that was. */
    async deliverDue(): Promise<number> {
      for (let sent = 0; ; sent++) {
        const claimed = await claimDelivery(db, now())
        if (!claimed) return sent
        await deliver(deps, claimed)
      }
    },
    async ask(path: string, init?: RequestInit) {
      const response = await app.request(path, init)
      return { status: response.status, body: await response.json() }
    },
    async tearDown() {
      receiver.closeAllConnections()
      receiver.close()
      await close()
    },
  }
}
