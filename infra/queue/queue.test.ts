import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { testDatabase } from '../db/testing.ts'
import { createLog } from '../log.ts'
import { openQueue } from './queue.ts'

const { url, close } = await testDatabase()
afterAll(close)
const log = createLog({ name: 'test', level: 'silent' })
const open = (name: string) => openQueue(url, name, log)

/** Waits until `happened`, for up to ten seconds. */
async function until(happened: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !happened(); i++) await sleep(50)
  expect(happened()).toBe(true)
}

test('each id is handled once, by one of two workers', async () => {
  const [one, two] = await Promise.all([open('once'), open('once')])
  const seen: string[] = []
  for (const queue of [one, two]) await queue.work(async (id) => void seen.push(id))
  const ids = ['a', 'b', 'c', 'd']
  for (const id of ids) await one.enqueue(id)
  await until(() => seen.length >= ids.length)
  await Promise.all([one.stop(), two.stop()])
  expect(seen.sort()).toEqual(ids)
})

test('an id whose handler throws comes back', async () => {
  const queue = await open('again')
  let attempts = 0
  await queue.work(async () => {
    attempts += 1
    if (attempts === 1) throw new Error('the first attempt fails')
  })
  await queue.enqueue('x')
  await until(() => attempts === 2)
  await queue.stop()
})

test('stopping tells the handler and waits for it; what it did not settle waits for the next worker', async () => {
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
