/** The engine's thread as services use it: what it tells of itself, and what it keeps. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prefixFiles, splitRows } from './adapters/prefix-files.ts'
import { type AdapterSource, openEngine } from './index.ts'
import { openModel } from './models/open.ts'
import { temporary, writeBase, writeFiles } from './tiny.case.ts'

const tokens = 4
const { root, remove } = temporary()
let base: string
/** Bytes of one adapter in memory; two fit. */
let bytes: number
let engine: ReturnType<typeof openEngine>

beforeAll(() => {
  base = writeBase(join(root, 'base'))
  const model = openModel(base)
  const size = tokens * model.layers * 2 * model.kvHeads * model.headDim
  bytes = 4 * size
  for (const name of ['a', 'b', 'c']) {
    const rows = splitRows(new Float32Array(size).fill(name.charCodeAt(0) / 100), tokens, model.layers)
    writeFiles(join(root, name), prefixFiles(model, 'base', rows))
  }
  engine = openEngine({ adapterBytes: 2 * bytes })
})
afterAll(async () => {
  await engine.close()
  remove()
})

const source = (name: string): AdapterSource => ({ base, adapter: join(root, name) })
const request = (extra: object = {}) => ({
  ...{ base, prompt: 'a text', temperature: 0, topP: 1, topK: 0, stop: [] },
  ...extra,
})
const inMemory = async () =>
  (await engine.adapters.list()).map(({ adapter, pinned }) => [adapter.slice(root.length + 1), pinned])

test('a stream that is left costs one more step at most', async () => {
  const stream = engine.generate(request())
  for (let i = 0; i < 3; i++) await stream.next()
  expect((await engine.stats()).running).toBe(1)
  // The thread takes both messages in turn, so no step is between them that began after the first.
  const left = stream.return()
  const { steps } = await engine.stats()
  await left
  // Streams take turns: by the end of another one the one that was left would have had as many.
  for await (const _ of engine.generate(request({ maxTokens: 10 })));
  const now = await engine.stats()
  expect([0, 1]).toContain(now.steps - steps - 10)
  expect(now.running).toBe(0)
})

test('adapters are loaded, pinned, evicted, unpinned and dropped by name', async () => {
  await engine.adapters.load({ ...source('a'), pin: true })
  await engine.adapters.load({ ...source('b'), pin: false })
  expect(await engine.adapters.list()).toEqual([
    { ...source('a'), adapterHash: undefined, bytes, pinned: true, leases: 0 },
    { ...source('b'), adapterHash: undefined, bytes, pinned: false, leases: 0 },
  ])
  for await (const _ of engine.generate(request({ ...source('c'), maxTokens: 1 })));
  expect(await inMemory()).toEqual([
    ['a', true],
    ['c', false],
  ])
  await engine.adapters.load({ ...source('b'), pin: true })
  await expect(engine.adapters.load({ ...source('c'), pin: true })).rejects.toMatchObject({
    code: 'adapters_full',
  })
  await engine.adapters.unpin(source('a'))
  await engine.adapters.drop(source('b').adapter)
  expect((await inMemory()).filter(([, pinned]) => pinned)).toEqual([])
})

test('an adapter that is not the version which is asked for is refused', async () => {
  const adapterHash = '0'.repeat(64)
  const refused = Array.fromAsync(engine.generate(request({ ...source('a'), adapterHash })))
  await expect(refused).rejects.toMatchObject({
    code: 'invalid_adapter',
    message: expect.stringMatching(
      /adapter_model\.safetensors: its SHA-256 is [\da-f]{64}.* 0{64}: it was changed/,
    ),
  })
})
