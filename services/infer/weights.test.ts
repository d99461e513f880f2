/** In which form the weights of models serve. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { WeightForms } from '../../contract/weights.ts'
import { openEngine } from '../../engine/index.ts'
import { temporary, writeBase } from '../../engine/tiny.case.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { baseModels } from '../../infra/base-models.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'
import { openModel } from './open-model.ts'
import { warnOfStrangers } from './warn-of-strangers.ts'

const { root, remove } = temporary()
const { db, close } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const quantized = join(root, 'quantized')
const engine = openEngine({ quantized })
const bases = baseModels(join(root, 'models'), { db, store })
afterAll(async () => {
  await engine.close()
  await close()
  remove()
})

const weights: WeightForms = { named: new Map([['one', 'float32']]), others: 'int8' }
const deps = { db, store, bases, weights }
const peftType = 'FULL' as const

test('a model has the form of its name, or that of its base, or that of all others', async () => {
  for (const name of ['one', 'two']) writeBase(join(root, 'models', name))
  for (const base of ['one', 'two']) {
    const objectKey = `adapters/${base}`
    await store.putBytes(`${objectKey}/config.json`, new Uint8Array(0))
    await db
      .insert(adapters)
      .values({ project: firstProject, model: `ft:${base}`, base, objectKey, peftType, bytes: 0 })
  }
  const formOf = async (id: string, more: WeightForms = weights) =>
    (await openModel({ ...deps, project: firstProject, weights: more }, id)).form
  expect(await formOf('one')).toBe('float32')
  expect(await formOf('two')).toBe('int8')
  expect(await formOf('ft:one')).toBe('float32')
  expect(await formOf('ft:two')).toBe('int8')
  expect(await formOf('ft:one', { named: new Map([['ft:one', 'int4']]) })).toBe('int4')
  expect(await formOf('two', { named: new Map() })).toBeUndefined()
})

test('and serves with it', async () => {
  const limits = { scratch: join(root, 'scratch'), maxFileBytes: 2 ** 20, requestTimeout: 60_000 }
  const log = createLog({ name: 'test', level: 'silent' })
  const app = createApp({ ...deps, ...limits, log, version: '0', engine })
  /** Files of quantised weights, once the model has answered. */
  const made = async (model: string) => {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ model, prompt: 'x', max_tokens: 2 })
    expect((await app.request('/v1/completions', { method: 'POST', headers, body })).status).toBe(200)
    return existsSync(quantized) ? readdirSync(quantized).length : 0
  }
  expect(await made('one')).toBe(0)
  expect(await made('two')).toBeGreaterThan(0)
})

test('a model that is named and not there is told of', async () => {
  const warned: unknown[] = []
  const log = { warn: (about: unknown) => warned.push(about) }
  await warnOfStrangers(
    {
      ...deps,
      weights: {
        named: new Map([
          ['one', 'int4'],
          ['oen', 'int4'],
        ]),
      },
    },
    log,
  )
  expect(warned).toEqual([{ model: 'oen' }])
})
