import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request from 'supertest'
import { afterAll, expect, test } from 'vitest'
import { newId } from '../../contract/ids.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { files } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'

const database = await testDatabase()
const root = await mkdtemp(join(tmpdir(), 'preamble-convert-'))
const store = diskStore(root)
const log = createLog({ name: 'test', level: 'silent' })
const server = await listen(
  createApp({ db: database.db, store, log, version: '0', scratch: join(root, 'scratch') }),
  {
    host: '127.0.0.1',
    port: 0,
  },
)
afterAll(async () => {
  await server.close()
  await database.close()
  await rm(root, { recursive: true })
})

/** Puts a file where ingest would. */
async function uploaded(content: string): Promise<string> {
  const id = newId('file')
  const objectKey = `files/${id}`
  const { bytes } = await store.putBytes(objectKey, new TextEncoder().encode(content))
  const row = {
    id,
    filename: 'corpus.txt',
    purpose: 'fine-tune',
    bytes,
    sha256: '',
    encoding: 'utf-8',
    objectKey,
  } as const
  await database.db.insert(files).values({ ...row, project: firstProject })
  return id
}
const http = () => request(server.url)
const make = async (content: string, more: object = {}) =>
  (
    await http()
      .post('/v1/datasets')
      .send({ file_id: await uploaded(content), ...more })
  ).body

const corpus = Array.from({ length: 10 }, (_, i) => `问题${i}\n回答${i}\n`).join('\n')

test('a corpus becomes a dataset with three files', async () => {
  const dataset = await make(corpus, { split: { train: 0.7, shuffle: false } })
  expect(dataset).toMatchObject({
    object: 'dataset',
    status: 'ready',
    counts: { total: 10, train: 7, dev: 3 },
    problems: [],
    problems_total: 0,
    error: null,
  })
  const file = async (name: string) =>
    (await http().get(`/v1/datasets/${dataset.id}/files/${name}`).expect(200)).body
  expect((await file('original.json'))[0]).toEqual({ q: '问题0', a: '回答0' })
  expect((await file('train.json')).length).toBe(7)
  expect((await file('dev.json'))[0].conversations[0]).toEqual({ role: 'user', content: '问题7' })
  await http().get(`/v1/datasets/${dataset.id}/files/other.json`).expect(400)
})

test('a corpus with errors makes a failed dataset that lists them and has no files', async () => {
  const dataset = await make('问题\n回答\n\n没有回答的问题\n\n问题2\n回答2\n')
  expect(dataset).toMatchObject({
    status: 'failed',
    error: { code: 'question_without_answer', message: expect.stringContaining('line 4') },
    problems: [{ line: 4, severity: 'error' }],
  })
  await http().get(`/v1/datasets/${dataset.id}/files/train.json`).expect(409)
  expect(await store.exists(`datasets/${dataset.id}/original.json`)).toBe(false)
})

test('datasets are listed newest first, found and deleted', async () => {
  const { id } = await make(corpus)
  const { body } = await http().get('/v1/datasets?limit=1').expect(200)
  expect(body).toMatchObject({ object: 'list', has_more: true, data: [{ id }] })
  await http().get(`/v1/datasets/${id}`).expect(200)
  expect((await http().delete(`/v1/datasets/${id}`).expect(200)).body).toEqual({
    id,
    object: 'dataset',
    deleted: true,
  })
  await http().get(`/v1/datasets/${id}`).expect(404)
  expect(await store.exists(`datasets/${id}/train.json`)).toBe(false)
})

test('an unknown file, an unknown dataset and a wrong field are errors in OpenAI’s shape', async () => {
  const unknown = await http().post('/v1/datasets').send({ file_id: 'file-none' }).expect(404)
  expect(unknown.body.error).toMatchObject({
    param: 'file_id',
    message: expect.stringContaining('file-none'),
  })
  await http().delete('/v1/datasets/ds_none').expect(404)
  const wrong = await http()
    .post('/v1/datasets')
    .send({ file_id: 'file-none', split: { train: 1.5 } })
    .expect(400)
  expect(wrong.body.error).toMatchObject({ type: 'invalid_request_error', param: 'split.train' })
})
