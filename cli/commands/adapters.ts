/** Adapters in and out of the server. */
import { createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Adapter, adapterFileNames } from '../../contract/adapter.ts'
import type { Page } from '../../contract/page.ts'
import { ApiError } from '../api/api.ts'
import { blobOf } from '../api/blob.ts'
import { command } from '../command.ts'

export const listAdapters = command({
  summary: 'List adapters, the newest first',
  operands: [],
  options: { limit: { kind: 'number', value: 'N', help: 'how many (default 20)' } },
  async run({ api, values }) {
    const { data } = await api.get<Page<Adapter>>(`v1/adapters?limit=${values.limit ?? 20}`)
    for (const { id, model, peft_type, source } of data)
      console.log([id, peft_type, source, model].join('  '))
  },
})

export const exportAdapter = command({
  summary: 'Write an adapter to a zip file that PEFT or ChatGLM can use',
  operands: ['ADAPTER'],
  options: {
    format: {
      kind: 'text',
      value: 'FORMAT',
      help: 'peft or chatglm; huggingface where all weights were trained',
    },
    dtype: {
      kind: 'text',
      value: 'TYPE',
      help: 'float32 or float16, for --format chatglm (default: as stored)',
    },
    out: {
      kind: 'text',
      value: 'FILE',
      help: "the file to write (default: the adapter's id and the format)",
    },
  },
  async run({ api, operands: [adapter], values }) {
    const path = `v1/adapters/${encodeURIComponent(adapter!)}`
    const { id } = await api.get<Adapter>(path)
    const { format, dtype } = values
    const out = values.out ?? `${id}${format === undefined ? '' : `-${format}`}.zip`
    const query = new URLSearchParams(
      Object.entries({ format, dtype }).filter((entry): entry is [string, string] => entry[1] !== undefined),
    )
    const content = await api.download(`${path}/export?${query}`)
    try {
      await pipeline(content, createWriteStream(`${out}.part`))
      await rename(`${out}.part`, out)
    } catch (error) {
      throw new ApiError(`cannot write ${out}: ${(error as Error).message}`)
    } finally {
      await rm(`${out}.part`, { force: true })
    }
    console.log(out)
  },
})

export const importAdapter = command({
  summary: 'Make a model of an adapter from PEFT or ChatGLM: a directory or a zip file',
  operands: ['PATH'],
  options: {
    base: { kind: 'text', value: 'MODEL', help: "its base model (default: the one in the adapter's config)" },
    suffix: { kind: 'text', value: 'NAME', help: "a name in the model's id" },
    'position-rule': {
      kind: 'text',
      value: 'RULE',
      help: 'after_prefix or from_zero, for a prefix on ChatGLM whose files do not say it',
    },
  },
  async run({ api, operands: [path], values }) {
    const form = new FormData()
    const fields = { base: values.base, suffix: values.suffix, position_rule: values['position-rule'] }
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value)
    for (const file of await filesAt(path!)) form.append('file', await blobOf(file), basename(file))
    const { id, model } = await api.postForm<Adapter>('v1/adapters/import', form)
    console.log(`${id} is ready: preamble chat ${model}`)
  },
})

/** The adapter's files in a directory, or the one file that `path` is. */
async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => adapterFileNames.includes(name))
  if (names.length === 0) throw new ApiError(`${path} has none of ${adapterFileNames.join(', ')}`)
  return names.map((name) => join(path, name))
}
