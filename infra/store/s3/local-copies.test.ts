import { readdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { temporary } from '../../../engine/tiny.case.ts'
import { localCopies } from './local-copies.ts'

const { root, remove } = temporary()
afterAll(remove)

const hour = 3_600_000 // ms

/** Copies of ten bytes each, in a directory of their own, by as many processes as are asked for. */
function setUp(maxBytes: number) {
  const directory = join(root, crypto.randomUUID())
  const open = () => {
    const copies = localCopies(directory, maxBytes)
    const read = async () => new Response(new Uint8Array(10)).body!
    return (key: string, stays?: boolean) =>
      copies.directory(`models/${key}`, [{ name: 'weights', tag: key }], read, stays)
  }
  return {
    open,
    /** As if nobody had asked for it for so long. */
    age: (path: string, ms: number) => utimes(path, new Date(), new Date(Date.now() - ms)),
    /** The keys of what is there whole, and how much lies around beside it. */
    async there() {
      const keys = await readdir(join(directory, 'models'))
      const copies = await Promise.all(keys.map((key) => readdir(join(directory, 'models', key))))
      return [keys.filter((_, i) => copies[i]!.length > 0).sort(), (await readdir(directory)).length - 1]
    },
  }
}

test('when there are too many copies, those used longest ago go', async () => {
  const { open, age, there } = setUp(30)
  const get = open()
  for (const [key, hours] of Object.entries({ a: 3, b: 5, c: 4, d: 2 }))
    await age(await get(key), hours * hour)
  expect(await there()).toEqual([['a', 'c', 'd'], 0])
  await get('a')
  await get('e')
  expect(await there()).toEqual([['a', 'd', 'e'], 0])
})

test('what was used within the hour, by any process, stays though there is too much', async () => {
  const { open, age, there } = setUp(10)
  const [get, other] = [open(), open()]
  for (const key of ['a', 'b', 'c']) await age(await get(key), 2 * hour)
  await other('a')
  await get('d')
  expect(await there()).toEqual([['a', 'd'], 0])
})

test('a copy that is to stay is used for as long as its process runs', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const { open, age, there } = setUp(10)
  const get = open()
  const base = await get('base', true)
  await age(base, 2 * hour)
  vi.advanceTimersByTime(hour / 2)
  await expect.poll(async () => Date.now() - (await stat(base)).mtimeMs).toBeLessThan(hour)
  await get('a')
  expect(await there()).toEqual([['a', 'base'], 0])
})
