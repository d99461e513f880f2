/** Everything that runs: a Postgres, a storage, a receiver, and each service and worker in a process of its own. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { WebhookEventType } from '../../contract/webhook.ts'
import { Random } from '../../engine/random.ts'
import { type Client, type Service, services } from './client.ts'
import { openPostgres, type Postgres } from './postgres.ts'
import { type Process, startProcess } from './processes.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { openStorage, type Storage } from './storage.ts'

export type World = {
  postgres: Postgres
  storage: Storage
  receiver: Receiver
  processes: Process[]
  ports: Record<Service, number>
  /** Makes the receiver's endpoint, for all events, and answers its secret. */
  subscribe(client: Client): Promise<string>
  close(): Promise<void>
}

export async function openWorld(root: string, seed: number): Promise<World> {
  const free = await freePorts(services.length + 2)
  const ports = Object.fromEntries(services.map((service, i) => [service, free[i]!])) as World['ports']
  const postgres = await openPostgres(join(root, 'postgres'), free[services.length]!)
  const storage = await openStorage(join(root, 'storage'), new Random(seed + 1))
  const receiver = await openReceiver(free[services.length + 1]!, new Random(seed + 2))
  const env = {
    ...{ DATABASE_URL: postgres.url, STORAGE_URL: storage.url, ...storage.keys },
    ...{ PREAMBLE_HOME: join(root, 'home'), MODELS: join(root, 'models'), HOST: '127.0.0.1' },
    ...{ PREAMBLE_WEBHOOK_ALLOW: 'private' },
  }
  const start = (name: string, script: string, more = {}) =>
    startProcess(name, script, { ...env, ...more }, join(root, 'logs'))
  const processes = [
    ...services.map((service) => start(service, `${service}/main.ts`, { PORT: String(ports[service]) })),
    start('webhooks-worker', 'webhooks/worker.ts'),
    start('train-worker-1', 'train/worker.ts'),
    start('train-worker-2', 'train/worker.ts'),
  ]
  await Promise.all(processes.map((process) => process.ready()))
  return {
    ...{ postgres, storage, receiver, processes, ports },
    async subscribe({ openai }) {
      const endpoint = await openai.webhooks.create({
        name: 'chaos',
        url: receiver.url,
        event_types: WebhookEventType.options as never,
      })
      return endpoint.signing_secret
    },
    async close() {
      await Promise.all(processes.map((process) => process.stop()))
      receiver.close()
      storage.stop()
      await postgres.stop()
    },
  }
}

/** Ports that are free, below those that a system gives away by itself: they must stay free while nobody listens. */
async function freePorts(count: number): Promise<number[]> {
  const found: number[] = []
  for (let port = 20_000 + (process.pid % 1000) * 10; found.length < count; port++) {
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => probe.close(resolve))
    found.push(port)
  }
  return found
}
