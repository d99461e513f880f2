/** Whatever happens to adapters while streams run: each stream says what the version it named says alone. */
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ErrorBody } from '../../contract/errors.ts'
import { loraAdapter } from '../../engine/adapters/lora.ts'
import { prefixFiles, splitRows } from '../../engine/adapters/prefix-files.ts'
import { adapterHash, openEngine, tensorFile } from '../../engine/index.ts'
import { openModel } from '../../engine/models/open.ts'
import { Random } from '../../engine/random.ts'
import { temporary, writeBase } from '../../engine/tiny.case.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { baseModels } from '../../infra/base-models.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'

const { root, remove } = temporary()
const { db, close } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const base = writeBase(join(root, 'models', 'tiny'))
const model = openModel(base)

const tokens = 4
const size = tokens * model.layers * 2 * model.kvHeads * model.headDim
/** Room for three adapters: with twelve in use, hardly one stays. */
const engine = openEngine({ adapterBytes: 3 * 4 * size })
const app = createApp({
  ...{ db, store, engine, version: '0', maxFileBytes: 2 ** 20, requestTimeout: 60_000 },
  ...{ log: createLog({ name: 'test', level: 'silent' }), scratch: join(root, 'scratch') },
  bases: baseModels(join(root, 'models'), { db, store }),
})

type Version = { key: string; hash: string; peftType: 'PREFIX_TUNING' | 'LORA' }
/** Of each model the version it has at first, and the one that replaces it. */
const versions: { model: string; id: string; old: Version; new: Version }[] = []

async function storeVersion(seed: number, kind: Version['peftType']): Promise<Version> {
  const random = new Random(seed)
  const files = await (kind === 'PREFIX_TUNING' ? prefixOf(random) : loraOf(random))
  const key = `adapters/${seed}`
  for (const [name, bytes] of Object.entries(files)) await store.putBytes(`${key}/${name}`, bytes)
  return { key, hash: adapterHash(files[tensorFile]!), peftType: kind }
}
const prefixOf = (random: Random) =>
  prefixFiles(model, 'tiny', splitRows(random.normal(size, 4), tokens, model.layers))
function loraOf(random: Random) {
  const options = { peft_type: 'LORA', r: 2, lora_alpha: 4, lora_dropout: 0, use_rslora: false } as const
  const adapter = loraAdapter(model, 'tiny', { ...options, rank_pattern: {}, alpha_pattern: {} })
  const parameters = adapter.init(1)
  for (const { data } of parameters.values()) data.set(random.normal(data.length, 1))
  return adapter.files(parameters)
}
const columns = ({ key, hash, peftType }: Version) => ({ objectKey: key, hash, peftType })

beforeAll(async () => {
  for (let i = 0; i < 12; i++) {
    const kind = i % 3 === 2 ? 'LORA' : 'PREFIX_TUNING'
    const [before, after] = [await storeVersion(2 * i, kind), await storeVersion(2 * i + 1, kind)]
    const [row] = await db
      .insert(adapters)
      .values({ project: firstProject, model: `ft:tiny::${i}`, base: 'tiny', ...columns(before) })
      .returning()
    versions.push({ model: row!.model, id: row!.id, old: before, new: after })
  }
})
afterAll(async () => {
  await engine.close()
  await close()
  remove()
})

const length = 100 // tokens of an answer at most: the window is 128
/** A stream whose request is through: from here on it has its adapter. */
async function begin(model: string): Promise<{ text: Promise<string> } | { refused: string }> {
  const response = await app.request('/v1/completions', {
    method: 'POST',
    body: JSON.stringify({ model, prompt: 'name', max_tokens: length, temperature: 0, stream: true }),
    headers: { 'content-type': 'application/json' },
  })
  if (response.status !== 200) return { refused: ((await response.json()) as ErrorBody).error.code! }
  return { text: response.text().then(textOf) }
}
function textOf(body: string): string {
  const events = body.trimEnd().split('\n\n')
  expect(events.pop()).toBe('data: [DONE]')
  return events.map((event) => JSON.parse(event.replace('data: ', '')).choices[0].text).join('')
}
async function alone({ key, hash }: Version): Promise<string> {
  const adapter = await store.directory(key)
  const request = { base, adapter, adapterHash: hash, prompt: 'name', maxTokens: length, stop: [] }
  let text = ''
  for await (const event of engine.generate({ ...request, temperature: 0, topP: 1, topK: 0 }))
    if (event.type === 'delta') text += event.text
  return text
}

test('50 streams while their adapters are replaced, deleted, overwritten and evicted', async () => {
  const said = new Map<Version, string>()
  for (const version of versions.flatMap((each) => [each.old, each.new]))
    said.set(version, await alone(version))
  expect(new Set(said.values()).size).toBe(24)

  const streams = Array.from({ length: 50 }, (_, i) => versions[i % versions.length]!)
  const begun = streams.map(async (of) => ({ of, stream: await begin(of.model) }))
  const later: Promise<void>[] = []
  for (const [i, of] of versions.entries()) {
    await Promise.all(begun.filter((_, n) => streams[n] === of))
    switch (i % 4) {
      case 0:
        await db
          .update(adapters)
          .set(columns(of.new))
          .where(eq(adapters.id, of.id as never))
        later.push(expectText(of.model, said.get(of.new)!))
        break
      case 1:
        expect((await app.request(`/v1/adapters/${of.id}`, { method: 'DELETE' })).status).toBe(200)
        later.push(expectRefusal(of.model, 'model_not_found'))
        break
      case 2:
        // In its place lies another adapter of the same shape. What is in memory may still answer.
        await store.putBytes(`${of.old.key}/${tensorFile}`, await store.bytes(`${of.new.key}/${tensorFile}`))
        await engine.adapters.drop(await store.directory(of.old.key))
        later.push(expectRefusal(of.model, 'invalid_adapter'))
        break
      case 3:
        later.push(expectText(of.model, said.get(of.old)!))
    }
  }
  const texts = await Promise.all(
    begun.map(async (each) => {
      const { of, stream } = await each
      return [of.model, 'text' in stream ? await stream.text : stream.refused]
    }),
  )
  expect(texts).toEqual(streams.map((of) => [of.model, said.get(of.old)]))
  await Promise.all(later)

  const kept = await engine.adapters.list()
  expect(kept.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(3 * 4 * size)
  expect(kept.every(({ leases }) => leases === 0)).toBe(true)
})

async function expectText(model: string, wanted: string): Promise<void> {
  const stream = await begin(model)
  expect('text' in stream ? await stream.text : stream.refused).toBe(wanted)
}
async function expectRefusal(model: string, code: string): Promise<void> {
  expect(await begin(model)).toEqual({ refused: code })
}
