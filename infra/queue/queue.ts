/** Work that waits in Postgres until a worker takes it. */
import { PgBoss } from 'pg-boss'
import type { Log } from '../log.ts'

export type Queue = {
  /** Puts the thing with this id in line. Things of one `key`, the id by default, are never handled at the same time. */
  enqueue(id: string, key?: string): Promise<void>
  /**
   * Takes one id at a time; what is in line twice, or with the same key, is never handled by two workers at once. An id goes back in line
   * when its handler throws or its worker's process dies, `retries` times at most; a handler that returns has settled
   * it, well or not. `signal` says that the queue stops, or that a day is over: no handler may take longer.
   */
  work(handle: (id: string, signal: AbortSignal) => Promise<void>): Promise<void>
  /** Lets the handler in progress end, for up to `patienceMs`, after telling it through its signal. */
  stop(patienceMs?: number): Promise<void>
}

const day = 24 * 60 * 60 // seconds
const policy = {
  policy: 'singleton', // one active entry for each key, the id or what is given in its place
  retryDelay: 1,
  expireInSeconds: day, // the longest pg-boss allows; that a worker lives is what the heartbeat tells
  heartbeatSeconds: 20, // with the supervisor's ten, a dead worker's id is back in half a minute
}

/** A named queue in the database at `url`; pg-boss keeps it in a schema of its own. */
export async function openQueue(
  url: string,
  { name, retries }: { name: string; retries: number },
  log: Log,
): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: url,
    max: 4,
    schedule: false, // no cron
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
  })
  boss.on('error', (error) => log.error({ err: error }, 'queue'))
  await boss.start()
  await boss.createQueue(name, policy)
  const stopping = new AbortController()

  return {
    async enqueue(id, key = id) {
      await boss.send(name, { id }, { singletonKey: key, retryLimit: retries })
    },
    async work(handle) {
      await boss.work<{ id: string }>(name, { pollingIntervalSeconds: 0.5 }, async ([job]) => {
        const signal = AbortSignal.any([stopping.signal, job!.signal])
        await handle(job!.data.id, signal)
      })
    },
    async stop(patienceMs = 10_000) {
      stopping.abort()
      await boss.stop({ graceful: true, timeout: patienceMs })
    },
  }
}
