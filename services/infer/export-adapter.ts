import type { ExportFormat, ExportQuery } from '../../contract/adapter.ts'
import { ApiError } from '../../contract/errors.ts'
import type { EngineThread } from '../../engine/index.ts'
import { type ZipFile, zip } from '../../infra/zip/zip.ts'
import { type AdapterRow, findAdapter } from './adapter.ts'
import { readmeOf } from './adapter-readme.ts'
import { type ModelDeps, openModel } from './open-model.ts'

type Deps = ModelDeps & { engine: EngineThread }

export type Exported = { filename: string; content: ReadableStream<Uint8Array<ArrayBuffer>> }

/**
 * An adapter as a zip file that other programs can use.
 * @throws ApiError when there is none, or the format has no place for it
 */
export async function exportAdapter(deps: Deps, id: string, query: ExportQuery): Promise<Exported> {
  const row = await findAdapter(deps, id)
  const format = formatOf(row, query)
  const files =
    format === 'chatglm' ? await chatglmFiles(deps, row, query) : await storedFiles(deps, row, query)
  const readme = new TextEncoder().encode(readmeOf(row, format))
  return {
    filename: `${row.id}-${format}.zip`,
    content: zip([...files, { name: 'README.md', content: readme }], row.createdAt),
  }
}

/** All weights are a model of their own, and an adapter is none. */
function formatOf({ model, peftType }: AdapterRow, { format }: ExportQuery): ExportFormat {
  const isModel = peftType === 'FULL'
  const own = isModel ? 'huggingface' : 'peft'
  if (format === undefined || isModel === (format === 'huggingface')) return format ?? own
  const what = isModel ? 'is no adapter, all its weights were trained' : 'is an adapter, and no whole model'
  throw new ApiError('unsupported_value', `format: ${model} ${what}; it is exported as ${own}`, {
    param: 'format',
  })
}

/** The files as they are stored, which is how PEFT and transformers store them. */
async function storedFiles(
  { store }: Deps,
  { objectKey }: AdapterRow,
  { dtype }: ExportQuery,
): Promise<ZipFile[]> {
  if (dtype) {
    const message = 'dtype: only format=chatglm converts numbers; leave it out'
    throw new ApiError('unsupported_value', message, { param: 'dtype' })
  }
  const names = await store.list(objectKey)
  return Promise.all(names.map(async (name) => ({ name, content: await store.get(`${objectKey}/${name}`) })))
}

async function chatglmFiles(deps: Deps, { model }: AdapterRow, { dtype }: ExportQuery): Promise<ZipFile[]> {
  const { base, adapter } = await openModel(deps, model)
  const files = await deps.engine.exportChatglm({ base, adapter: adapter!, dtype }).catch((error) => {
    if (error.code !== 'invalid_adapter') throw error
    throw new ApiError('unsupported_value', `format: ${error.message}`, { param: 'format', cause: error })
  })
  return Object.entries(files).map(([name, content]) => ({ name, content }))
}
