import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diskStore } from '../../infra/store/disk.ts'
import { ObjectNotFound, type Store } from '../../infra/store/store.ts'
import { adapterCache } from './adapter-cache.ts'

let root: string
let store: Store
let reads: number
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'preamble-cache-'))
  const disk = diskStore(join(root, 'objects'))
  reads = 0
  store = {
    ...disk,
    get: (key) => {
      reads += 1
      return disk.get(key)
    },
  }
  for (const file of ['adapter_config.json', 'adapter_model.safetensors']) {
    await store.putBytes(`adapters/a1/${file}`, new TextEncoder().encode(file))
  }
})
afterEach(() => rm(root, { recursive: true }))
const cache = () => adapterCache(join(root, 'cache'), store)

test('an adapter is fetched once, however many ask for it at a time', async () => {
  const adapters = cache()
  const [first, second] = await Promise.all([1, 2].map(() => adapters.directoryOf('adapters/a1')))
  expect(second).toBe(first)
  expect(await readFile(join(first!, 'adapter_config.json'), 'utf8')).toBe('adapter_config.json')
  expect(reads).toBe(2)
})

test('an adapter fetched before is there after a restart', async () => {
  await cache().directoryOf('adapters/a1')
  await cache().directoryOf('adapters/a1')
  expect(reads).toBe(2)
})

test('two caches over one directory may fetch the same adapter at a time', async () => {
  const places = await Promise.all([cache(), cache()].map((adapters) => adapters.directoryOf('adapters/a1')))
  expect(await readdir(places[0]!)).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  expect(await readdir(join(root, 'cache'))).toHaveLength(1)
})

test('an adapter that is deleted while it is fetched leaves nothing behind', async () => {
  const { list } = store
  store.list = async (key) => {
    const names = await list(key)
    await store.delete(`${key}/adapter_model.safetensors`)
    return names
  }
  const missing = new ObjectNotFound('adapters/a1/adapter_model.safetensors')
  await expect(cache().directoryOf('adapters/a1')).rejects.toThrow(missing)
  expect(await readdir(join(root, 'cache'))).toEqual([])
})

test('an adapter that is nowhere leaves nothing behind', async () => {
  await expect(cache().directoryOf('adapters/b')).rejects.toThrow(new ObjectNotFound('adapters/b'))
  expect(await readdir(root)).not.toContain('cache')
})

test('a dropped adapter is fetched anew', async () => {
  const adapters = cache()
  const place = await adapters.directoryOf('adapters/a1')
  await adapters.drop('adapters/a1')
  expect(await readdir(join(root, 'cache'))).toEqual([])
  expect(await adapters.directoryOf('adapters/a1')).toBe(place)
})
