import { setImmediate as immediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Things, Turns } from './shared.ts'

test('a thing is opened once, and closed when its last user has released it', async () => {
  const things = new Things()
  const told: string[] = []
  const open = async () => {
    told.push('open')
    return { [Symbol.asyncDispose]: async () => void told.push('close') }
  }
  const [one, two] = await Promise.all([things.use('a', open), things.use('a', open)])
  expect(one.it).toBe(two.it)
  await one[Symbol.asyncDispose]()
  expect(told).toEqual(['open'])
  await two[Symbol.asyncDispose]()
  expect(told).toEqual(['open', 'close'])
  await using _ = await things.use('a', open)
  expect(told).toEqual(['open', 'close', 'open'])
})

test('a thing that could not be opened is tried again', async () => {
  const things = new Things()
  const failing = () => Promise.reject(new Error('not now'))
  await expect(things.use('a', failing)).rejects.toThrow('not now')
  await using opened = await things.use('a', async () => ({ async [Symbol.asyncDispose]() {} }))
  expect(opened.it).toBeDefined()
})

test('turns come one after the other, in the order in which they were asked for', async () => {
  const turns = new Turns()
  const told: string[] = []
  const work = async (name: string) => {
    using _ = await turns.next()
    told.push(`${name} begins`)
    await immediate()
    told.push(`${name} ends`)
  }
  await Promise.all([work('one'), work('two')])
  expect(told).toEqual(['one begins', 'one ends', 'two begins', 'two ends'])
})
