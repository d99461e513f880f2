import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createLog } from './log.ts'
import { startWork } from './work.ts'

const log = createLog({ name: 'test', level: 'silent' })
const pace = { leaseMs: 300, pollMs: 5 }

/** A line in memory whose things are held like rows: each has the worker that took it last, and the end of its lease. */
function createLine(...names: string[]) {
  const things = names.map((name) => ({ name, taken: 0, until: 0, done: false }))
  type Held = { thing: (typeof things)[number]; taken: number }
  return {
    async claim(ms: number): Promise<Held | undefined> {
      const thing = things.find(({ done, until }) => !done && until <= Date.now())
      if (!thing) return undefined
      Object.assign(thing, { taken: thing.taken + 1, until: Date.now() + ms })
      return { thing, taken: thing.taken }
    },
    async hold({ thing, taken }: Held, ms: number): Promise<void> {
      if (thing.taken === taken) thing.until = Date.now() + ms
    },
  }
}

test('each thing is done once, by one of two workers', async () => {
  const line = createLine('a', 'b', 'c', 'd')
  const told: string[] = []
  const handle = async ({ thing }: { thing: { name: string; done: boolean } }) => {
    told.push(thing.name)
    await sleep(1)
    thing.done = true
  }
  const workers = [1, 2].map(() => startWork({ ...line, handle }, log, pace))
  await vi.waitFor(() => expect(told).toHaveLength(4))
  await Promise.all(workers.map(({ stop }) => stop()))
  expect(told.sort()).toEqual(['a', 'b', 'c', 'd'])
})

test('what takes longer than a lease stays with its worker', async () => {
  const line = createLine('a')
  const told: string[] = []
  const worker = (name: string) =>
    startWork(
      {
        ...line,
        async handle({ thing }) {
          told.push(name)
          await sleep(3 * pace.leaseMs)
          thing.done = true
        },
      },
      log,
      pace,
    )
  const workers = [worker('first'), worker('second')]
  await sleep(3 * pace.leaseMs)
  await Promise.all(workers.map(({ stop }) => stop()))
  expect(told).toHaveLength(1)
})

test('what a worker holds that died is taken by another one, and what it throws is done again', async () => {
  const line = createLine('a')
  await line.claim(pace.leaseMs) // and never heard of again
  let times = 0
  const { stop } = startWork(
    {
      ...line,
      async handle({ thing, taken }) {
        expect(taken).toBe(2 + times)
        if (times++ === 0) throw new Error('the store does not answer')
        thing.done = true
      },
    },
    log,
    pace,
  )
  await vi.waitFor(() => expect(times).toBe(2), 5000)
  await stop()
})

test('what it throws may have to wait longer each time', async () => {
  const line = createLine('a')
  const waits: number[] = []
  const { stop } = startWork(
    {
      ...line,
      async hold(held, ms) {
        waits.push(ms)
        await line.hold(held, ms)
      },
      async handle({ thing, taken }) {
        if (taken < 3) throw new Error('the store does not answer')
        thing.done = true
      },
      retryMs: async ({ taken }) => 10 * taken,
    },
    log,
    pace,
  )
  await vi.waitFor(() => expect(waits).toEqual([10, 20, 0]))
  await stop()
})

test('stopping tells what is in progress, and waits for it; what is not done by then is free at once', async () => {
  const line = createLine('a')
  const told: string[] = []
  const { stop } = startWork(
    {
      ...line,
      async handle(_, signal) {
        told.push('start')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await sleep(20)
        told.push('stopped')
        throw signal.reason
      },
    },
    log,
    pace,
  )
  await vi.waitFor(() => expect(told).toEqual(['start']))
  await stop()
  expect(told).toEqual(['start', 'stopped'])
  expect(await line.claim(0)).toMatchObject({ taken: 2 })
})

test('one that cannot let go of what it did says so, and does the next', async () => {
  const line = createLine('a', 'b')
  const said: string[] = []
  const told = createLog({ name: 'test', level: 'error' }, { write: (one) => said.push(JSON.parse(one).msg) })
  const { stop } = startWork(
    {
      ...line,
      async hold(held, ms) {
        if (held.thing.name === 'a') throw new Error('no connection')
        await line.hold(held, ms)
      },
      async handle({ thing }) {
        thing.done = true
      },
    },
    told,
    pace,
  )
  await vi.waitFor(async () => expect(await line.claim(0)).toBeUndefined())
  await stop()
  expect(said).toEqual([expect.stringMatching(/^could not let go/)])
})

test('one that cannot look for work tries again', async () => {
  const line = createLine('a')
  let fails = 2
  const done = Promise.withResolvers<void>()
  const { stop } = startWork(
    {
      ...line,
      async claim(ms) {
        if (fails-- > 0) throw new Error('no connection')
        return line.claim(ms)
      },
      async handle({ thing }) {
        thing.done = true
        done.resolve()
      },
    },
    log,
    pace,
  )
  await done.promise
  await stop()
})
