/** Base models on the server: pulled from a hub, added from a directory, listed and removed. */
import { basename, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BaseModel } from '../../contract/base-model.ts'
import type { Model } from '../../contract/model.ts'
import type { Page } from '../../contract/page.ts'
import { type Api, ApiError } from '../api/api.ts'
import { command } from '../command.ts'
import { bytesLine } from '../terminal/bytes.ts'

const pollMs = 500
const pathOf = (id: string) => `v1/base_models/${encodeURIComponent(id)}`

export const models = command({
  summary: 'List the models that answer',
  operands: [],
  options: {},
  async run({ api }) {
    const { data } = await api.get<Page<Model>>('v1/models')
    for (const { id } of data) console.log(id)
  },
})

export const listBaseModels = command({
  summary: 'List base models, with what is still being pulled',
  operands: [],
  options: {},
  async run({ api }) {
    const { data } = await api.get<Page<BaseModel>>('v1/base_models')
    for (const { id, status, origin, bytes, error } of data)
      console.log([id, status, error?.message ?? (bytes > 0 ? gigabytes(bytes) : origin)].join('  '))
  },
})

export const pullModel = command({
  summary: 'Pull a base model from a hub; a pull that broke off goes on',
  operands: ['MODEL'],
  options: {
    revision: { kind: 'text', value: 'REV', help: 'a branch, tag or commit (default main)' },
    endpoint: { kind: 'text', value: 'URL', help: "another hub (default: the server's HF_ENDPOINT)" },
    name: { kind: 'text', value: 'NAME', help: 'what to call it here' },
  },
  async run({ api, operands: [source], values }) {
    const { revision, endpoint, name } = values
    const { id } = await api.post<BaseModel>('v1/base_models', { source, revision, endpoint, id: name })
    console.log(`${await watch(api, id)} is ready: preamble tune CORPUS --base ${id}`)
  },
})

export const addModel = command({
  summary: "Add a Hugging Face directory of the server's machine as a base model",
  operands: ['DIR'],
  options: { name: { kind: 'text', value: 'NAME', help: "what to call it (default: the directory's name)" } },
  async run({ api, operands: [directory], values }) {
    const path = resolve(directory!)
    const { id, bytes } = await api.post<BaseModel>('v1/base_models', {
      path,
      id: values.name ?? basename(path),
    })
    console.log(`${id} is ready (${gigabytes(bytes)}): preamble tune CORPUS --base ${id}`)
  },
})

export const removeModel = command({
  summary: 'Remove a base model, or what was pulled of it',
  operands: ['MODEL'],
  options: { force: { kind: 'flag', help: 'also when jobs or tuned models need it' } },
  async run({ api, operands: [id], values }) {
    await api.delete(`${pathOf(id!)}?force=${values.force ?? false}`)
  },
})

/** Shows a pull to its end; stopping to watch does not stop it. */
async function watch(api: Api, id: string): Promise<string> {
  const line = bytesLine(process.stdout)
  try {
    for (;;) {
      const { status, bytes, bytes_done, error } = await api.get<BaseModel>(pathOf(id))
      if (status === 'failed') throw new ApiError(`pulling ${id} failed: ${error?.message}`)
      if (bytes > 0) line.update(bytes_done, bytes)
      if (status === 'ready') return id
      await sleep(pollMs)
    }
  } finally {
    line.end()
  }
}

const gigabytes = (bytes: number) =>
  bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
