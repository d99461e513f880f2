import { expect, test } from 'vitest'
import type { StoredAdapter } from './peft.ts'
import { type AdapterSource, ResidentAdapters } from './resident.ts'

const source = (adapter: string, adapterHash?: string): AdapterSource => ({
  base: 'base',
  adapter,
  adapterHash,
})
/** An adapter of as many bytes. */
const adapterOf = (bytes: number): StoredAdapter => ({
  prefix: { tokens: 1, keys: [new Float32Array(bytes / 8)], values: [new Float32Array(bytes / 8)] },
})
const never = (): StoredAdapter => {
  throw new Error('it is in memory and need not be read')
}
const names = (resident: ResidentAdapters) => resident.list().map(({ adapter }) => adapter)
function use(resident: ResidentAdapters, name: string, read = () => adapterOf(40)): StoredAdapter {
  using lease = resident.lease(source(name), read)
  return lease.adapter
}

test('an adapter is read once', () => {
  const resident = new ResidentAdapters(100)
  const first = use(resident, 'a')
  expect(use(resident, 'a', never)).toBe(first)
  expect(resident.list()).toEqual([{ ...source('a'), bytes: 40, pinned: false, leases: 0 }])
})

test('the one used longest ago goes first', () => {
  const resident = new ResidentAdapters(100)
  for (const name of ['a', 'b', 'a', 'c']) use(resident, name)
  expect(names(resident)).toEqual(['a', 'c'])
})

test('an adapter in use is not evicted, but as soon as it is given back', () => {
  const resident = new ResidentAdapters(100)
  const leases = ['a', 'b', 'c'].map((name) => resident.lease(source(name), () => adapterOf(40)))
  expect(names(resident)).toEqual(['a', 'b', 'c'])
  leases[1]![Symbol.dispose]()
  expect(names(resident)).toEqual(['a', 'c'])
  for (const lease of leases) lease[Symbol.dispose]()
  expect(resident.list().map(({ leases }) => leases)).toEqual([0, 0])
})

test('an adapter larger than the limit serves, and does not stay', () => {
  const resident = new ResidentAdapters(100)
  use(resident, 'a')
  use(resident, 'large', () => adapterOf(400))
  expect(names(resident)).toEqual([])
})

test('a pinned adapter stays until it is unpinned', () => {
  const resident = new ResidentAdapters(100)
  resident.pin(source('a'), () => adapterOf(40))
  for (const name of ['b', 'c']) use(resident, name)
  expect(names(resident)).toEqual(['a', 'c'])
  resident.unpin(source('a'))
  use(resident, 'd')
  expect(names(resident)).toEqual(['c', 'd'])
})

test('more than the limit cannot be pinned, and pinning twice is pinning once', () => {
  const resident = new ResidentAdapters(100)
  for (const name of ['a', 'b', 'b']) resident.pin(source(name), () => adapterOf(40))
  expect(() => resident.pin(source('c'), () => adapterOf(24))).toThrow(
    'the adapter takes 24 bytes and those pinned already 80, of 100 that adapters may take',
  )
  expect(resident.list().map(({ adapter, pinned }) => [adapter, pinned])).toEqual([
    ['a', true],
    ['b', true],
  ])
})

test('two versions at one place are two adapters', () => {
  const resident = new ResidentAdapters(100)
  using before = resident.lease(source('a', '1'), () => adapterOf(16))
  using after = resident.lease(source('a', '2'), () => adapterOf(16))
  expect(after.adapter).not.toBe(before.adapter)
  expect(after.key).not.toBe(before.key)
})

test('a dropped adapter is read anew; who uses it goes on with what it has', () => {
  const resident = new ResidentAdapters(100)
  const lease = resident.lease(source('a'), () => adapterOf(40))
  resident.pin(source('a'), never)
  resident.drop('a')
  expect(names(resident)).toEqual([])
  const again = use(resident, 'a')
  expect(again).not.toBe(lease.adapter)
  lease[Symbol.dispose]()
  expect(use(resident, 'a', never)).toBe(again)
})

test('what cannot be read leaves nothing behind', () => {
  const resident = new ResidentAdapters(100)
  const damaged = () => {
    throw new Error('damaged')
  }
  expect(() => use(resident, 'a', damaged)).toThrow('damaged')
  expect(resident.list()).toEqual([])
})
