import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { testDatabase } from '../db/testing.ts'
import { createLog } from '../log.ts'
import { openQueue, type Queue } from './queue.ts'

const { url, close } = await testDatabase()
afterAll(close)
const log = createLog({ name: 'test', level: 'silent' })
const open = (name: string) => openQueue(url, { name, retries: 3 }, log)

// That a killed worker's id comes back is a matter of half a minute; test/start.test.ts waits for it.

/** Waits until `happened`, for up to ten seconds. */
async function until(happened: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !happened(); i++) await sleep(50)
  expect(happened()).toBe(true)
}

test.concurrent('each id is handled once, by one of two workers', async () => {
  const [one, two] = await Promise.all([open('once'), open('once')])
  const seen: string[] = []
  for (const queue of [one, two]) await queue.work(async (id) => void seen.push(id))
  const ids = ['a', 'b', 'c', 'd']
  for (const id of ids) await one.enqueue(id)
  await until(() => seen.length >= ids.length)
  await Promise.all([one.stop(), two.stop()])
  expect(seen.sort()).toEqual(ids)
})

/** Workers that tell what they begin and end, and hold on to "x" until the function that this returns is called. */
async function workUntilReleased(queues: readonly Queue[], told: string[]): Promise<() => void> {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  for (const queue of queues)
    await queue.work(async (id) => {
      told.push(`start ${id}`)
      if (id === 'x') await released
      told.push(`end ${id}`)
    })
  return release
}

test.concurrent('an id that is in line twice is handled by one worker after the other', async () => {
  const [one, two] = await Promise.all([open('twice'), open('twice')])
  const told: string[] = []
  for (const id of ['x', 'x', 'y']) await one.enqueue(id)
  const release = await workUntilReleased([one, two], told)
  await until(() => told.includes('end y')) // the other worker passed over the second x
  release()
  await until(() => told.length === 6)
  await Promise.all([one.stop(), two.stop()])
  expect(told.filter((line) => line.endsWith('x'))).toEqual(['start x', 'end x', 'start x', 'end x'])
})

test.concurrent('ids with one key are handled one after the other', async () => {
  const [one, two] = await Promise.all([open('key'), open('key')])
  const told: string[] = []
  await one.enqueue('x', 'prefixes')
  await one.enqueue('y', 'prefixes')
  await one.enqueue('z')
  const release = await workUntilReleased([one, two], told)
  await until(() => told.includes('end z')) // the other worker passed over y
  expect(told).not.toContain('start y')
  release()
  await until(() => told.includes('end y'))
  expect(told.indexOf('start y')).toBeGreaterThan(told.indexOf('end x'))
  await Promise.all([one.stop(), two.stop()])
})

test.concurrent('an id whose handler throws comes back three times, and the next one has its turn', async () => {
  const queue = await open('again')
  const seen: string[] = []
  await queue.work(async (id) => {
    seen.push(id)
    if (id === 'x') throw new Error('it always fails')
  })
  await queue.enqueue('x')
  await until(() => seen.length === 4)
  await sleep(3000) // longer than the queue waits between two attempts
  await queue.enqueue('y')
  await until(() => seen.includes('y'))
  await queue.stop()
  expect(seen).toEqual(['x', 'x', 'x', 'x', 'y'])
})

test.concurrent('stopping tells the handler and waits for it; what it did not settle waits for the next worker', async () => {
  const first = await open('handover')
  const told: string[] = []
  await first.work(async (id, signal) => {
    told.push(`start ${id}`)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await sleep(100)
    told.push(`stopped ${id}`)
    throw new Error('not done')
  })
  await first.enqueue('x')
  await until(() => told.length === 1)
  await first.stop()
  expect(told).toEqual(['start x', 'stopped x'])

  const next = await open('handover')
  const seen: string[] = []
  await next.work(async (id) => void seen.push(id))
  await until(() => seen.length === 1)
  await next.stop()
  expect(seen).toEqual(['x'])
})
