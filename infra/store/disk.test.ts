import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { diskStore } from './disk.ts'
import { openStore } from './open.ts'
import { storeCases } from './store.case.ts'

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

test('a place that is no directory is no store', async () => {
  const root = await newRoot()
  await diskStore(join(root, 'objects')).check()
  await writeFile(join(root, 'file'), '')
  await expect(diskStore(join(root, 'file')).check()).rejects.toThrow('EEXIST')
})

test('a file URL opens a store on the disk, another scheme is refused by name', async () => {
  const root = await newRoot()
  await openStore(pathToFileURL(root).href).putBytes('a', new Uint8Array(1))
  expect(await readdir(root)).toEqual(['a'])
  expect(() => openStore('ftp://host/x')).toThrow('STORAGE_URL: no store speaks "ftp://"; expected file://…')
})
