import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { ObjectNotFound, type Store } from './store.ts'

const utf8 = new TextEncoder()

/** What every store does; `open` answers an empty one. */
export function storeCases(open: () => Promise<Store>): void {
  test('an object is read as it was written, as a stream and whole', async () => {
    const store = await open()
    const parts = ['每天', '喝水'].map((text) => utf8.encode(text))
    expect(await store.put('files/a.txt', Readable.from(parts))).toEqual({ bytes: 12 })
    expect(await new Response(await store.get('files/a.txt')).text()).toBe('每天喝水')
    expect(new TextDecoder().decode(await store.bytes('files/a.txt'))).toBe('每天喝水')
  })

  test('a range of an object is read, from its first byte to its last', async () => {
    const store = await open()
    await store.putBytes('files/a', utf8.encode('0123456789'))
    const read = async (from: number, to: number) =>
      new Response(await store.get('files/a', { from, to })).text()
    expect([await read(0, 1), await read(3, 7), await read(9, 10), await read(0, 10)]).toEqual([
      ...['0', '3456', '9', '0123456789'],
    ])
    await expect(store.get('files/b', { from: 0, to: 1 })).rejects.toThrow(new ObjectNotFound('files/b'))
  })

  test('a second object of the same key replaces the first', async () => {
    const store = await open()
    await store.putBytes('a', utf8.encode('first'))
    expect(await store.putBytes('a', utf8.encode('2'))).toEqual({ bytes: 1 })
    expect(await store.bytes('a')).toEqual(Buffer.from('2'))
  })

  test('an upload that breaks off leaves what was there', async () => {
    const store = await open()
    await store.putBytes('a', utf8.encode('whole'))
    async function* broken() {
      yield utf8.encode('ha')
      throw new Error('connection lost')
    }
    await expect(store.put('a', broken())).rejects.toThrow('connection lost')
    await expect(store.put('b', broken())).rejects.toThrow('connection lost')
    expect(await store.bytes('a')).toEqual(Buffer.from('whole'))
    expect(await store.exists('b')).toBe(false)
  })

  test('a missing object is an error that names it, and so is a prefix', async () => {
    const store = await open()
    await store.putBytes('files/a', utf8.encode('a'))
    for (const key of ['files/b', 'files', 'files/a/b']) {
      await expect(store.get(key)).rejects.toThrow(new ObjectNotFound(key))
      await expect(store.bytes(key)).rejects.toThrow(new ObjectNotFound(key))
      expect(await store.exists(key)).toBe(false)
    }
  })

  test('deleting a key deletes what is below it and nothing beside it', async () => {
    const store = await open()
    for (const key of ['ds_1/train.json', 'ds_1/dev.json', 'ds_10/dev.json']) {
      await store.putBytes(key, utf8.encode(key))
    }
    await store.delete('ds_1')
    await store.delete('ds_1')
    expect(await store.exists('ds_1/dev.json')).toBe(false)
    expect(await store.exists('ds_10/dev.json')).toBe(true)
  })

  test('the objects directly below a key are listed by name', async () => {
    const store = await open()
    for (const key of ['ds_1/train.json', 'ds_1/dev.json', 'ds_1/more/a', 'ds_10/dev.json']) {
      await store.putBytes(key, utf8.encode(key))
    }
    expect(await store.list('ds_1')).toEqual(['dev.json', 'train.json'])
    expect(await store.list('ds_2')).toEqual([])
  })

  test('all objects below a key are found, however deep, with their sizes and since when they are there', async () => {
    const store = await open()
    const before = Date.now()
    for (const key of ['ds_1/train.json', 'ds_1/more/deep/a', 'ds_10/dev.json']) {
      await store.putBytes(key, utf8.encode(key))
    }
    const found = new Map((await Array.fromAsync(store.walk('ds_1'))).map(({ key, ...rest }) => [key, rest]))
    expect([...found.keys()].sort()).toEqual(['ds_1/more/deep/a', 'ds_1/train.json'])
    expect(found.get('ds_1/train.json')!.bytes).toBe(15)
    const second = 1000 // ms: what S3 rounds to
    for (const { since } of found.values()) expect(since.getTime()).toBeGreaterThanOrEqual(before - second)
    expect(await Array.fromAsync(store.walk('ds_2'))).toEqual([])
  })

  test('a linked object is there since it was linked', async () => {
    const store = await open()
    const directory = await mkdtemp(join(tmpdir(), 'preamble-adopt-'))
    try {
      await writeFile(join(directory, 'old'), 'old')
      await utimes(join(directory, 'old'), 0, 0)
      await store.adopt('m/old', join(directory, 'old'))
      const [found] = await Array.fromAsync(store.walk('m'))
      expect(found!.since.getTime()).toBeGreaterThan(Date.now() - 60_000)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  test('a local file becomes an object, and objects a local directory', async () => {
    const store = await open()
    const directory = await mkdtemp(join(tmpdir(), 'preamble-adopt-'))
    try {
      await writeFile(join(directory, 'linked'), 'linked')
      await store.adopt('m/1/linked', join(directory, 'linked'))
      await store.putBytes('m/1/other', utf8.encode('other'))
      expect(await readdir(directory)).toEqual(['linked'])
      const place = await store.directory('m/1')
      expect((await readdir(place)).sort()).toEqual(['linked', 'other'])
      expect(await readFile(join(place, 'linked'), 'utf8')).toBe('linked')
      const part = await store.directory('m/1', { names: ['linked'] })
      expect(await readFile(join(part, 'linked'), 'utf8')).toBe('linked')
      await expect(store.directory('m/1', { names: ['linked', 'none'] })).rejects.toThrow(
        new ObjectNotFound('m/1/none'),
      )
      await expect(store.directory('m/2')).rejects.toThrow(new ObjectNotFound('m/2'))
      await expect(store.adopt('m/3', join(directory, 'none'))).rejects.toThrow('ENOENT')
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  for (const key of ['../a', 'a/../../b', '/etc/passwd', '', 'a//b', '.', 'a/', 'a\\b', 'a\0']) {
    test(`${JSON.stringify(key)} is no key`, async () => {
      const store = await open()
      await expect(store.putBytes(key, utf8.encode('x'))).rejects.toThrow('is no object key')
      await expect(store.bytes(key)).rejects.toThrow('is no object key')
      await expect(store.delete(key)).rejects.toThrow('is no object key')
    })
  }
}
