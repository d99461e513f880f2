import { fork } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { diskStore } from './disk.ts'
import { openStore } from './open.ts'
import { storeCases } from './store.case.ts'
import { ObjectNotFound } from './store.ts'
import { removeStale } from './temporary.ts'

const roots: string[] = []
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true })
})
async function newRoot() {
  const root = await mkdtemp(join(tmpdir(), 'preamble-store-'))
  roots.push(root)
  return root
}

storeCases(async () => diskStore(await newRoot()))

test('nothing half written stays on the disk', async () => {
  const root = await newRoot()
  async function* broken() {
    yield new Uint8Array(10)
    throw new Error('connection lost')
  }
  await expect(diskStore(root).put('a', broken())).rejects.toThrow('connection lost')
  expect(await readdir(root)).toEqual([])
})

test('two processes write what a third reads and deletes, and it is always whole or not there', async () => {
  const root = await newRoot()
  const writers = ['a', 'b'].map((letter) =>
    fork(join(import.meta.dirname, 'writer.case.ts'), [root, letter]),
  )
  const ends = writers.map(async (writer) => (await once(writer, 'exit'))[0] as number)
  try {
    const store = diskStore(root)
    const seen = new Set<string>()
    for (let time = 0; time < 300 || seen.size < 2; time++) {
      const bytes = await store.bytes('shared/deep/object').catch((error: unknown) => {
        if (!(error instanceof ObjectNotFound)) throw error
      })
      if (time % 2) await store.delete('shared')
      if (!bytes) continue
      expect([bytes.length, new Set(bytes).size]).toEqual([100_000, 1])
      seen.add(String.fromCharCode(bytes[0]!))
    }
  } finally {
    for (const writer of writers) writer.disconnect()
  }
  expect(await Promise.all(ends)).toEqual([0, 0])
  expect((await readdir(root)).filter((name) => name.startsWith('.'))).toEqual([])
})

test('what a dead process left half written goes a day later; a link to an old file is not that', async () => {
  const root = await newRoot()
  const day = 24 * 60 * 60 * 1000
  await writeFile(join(root, 'old'), '')
  await utimes(join(root, 'old'), 0, 0)
  await link(join(root, 'old'), join(root, '.linked'))
  await removeStale(root)
  expect((await readdir(root)).sort()).toEqual(['.linked', 'old'])
  await removeStale(root, Date.now() + day + 1000)
  expect(await readdir(root)).toEqual(['old'])
})

test('a place that is no directory is no store', async () => {
  const root = await newRoot()
  await diskStore(join(root, 'objects')).check()
  await writeFile(join(root, 'file'), '')
  await expect(diskStore(join(root, 'file')).check()).rejects.toThrow('EEXIST')
})

test('a file URL opens a store on the disk, another scheme is refused by name', async () => {
  const root = await newRoot()
  const store = await openStore({ storageUrl: pathToFileURL(root).href, home: root })
  await store.putBytes('a', new Uint8Array(1))
  expect(await readdir(root)).toEqual(['a'])
  await expect(openStore({ storageUrl: 'ftp://host/x', home: root })).rejects.toThrow(
    'STORAGE_URL: no store speaks "ftp://"; expected file://… or s3://…',
  )
})
