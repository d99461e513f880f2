import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { ImportFields } from '../../contract/adapter.ts'
import { ApiError } from '../../contract/errors.ts'
import { newId } from '../../contract/ids.ts'
import { tunedModelId } from '../../contract/model.ts'
import { type EngineThread, namedBase } from '../../engine/index.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { BaseModel, BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import type { Store } from '../../infra/store/store.ts'
import { tracePlace } from '../../infra/traces/spans.ts'
import { type AdapterRow, toAdapter } from './adapter.ts'
import { receiveAdapter } from './receive-adapter.ts'

type Deps = InProject & {
  db: Database
  store: Store
  bases: BaseModels
  engine: EngineThread
  scratch: string
  maxFileBytes: number
  keep: Keep
}

/**
 * Makes a tuned model of an adapter from elsewhere. Nothing is stored before all of it is checked.
 * @throws ApiError when the form or the files cannot be used; then no row, object or temporary file is left
 */
export async function importAdapter(deps: Deps, request: Request): Promise<AdapterRow> {
  await mkdir(deps.scratch, { recursive: true })
  const directory = await mkdtemp(join(deps.scratch, 'import-'))
  try {
    const [from, to] = [join(directory, 'from'), join(directory, 'to')]
    const fields = await receiveAdapter(request, from, deps.maxFileBytes)
    const base = await baseOf(deps.bases, fields, from)
    const { peftType, hash } = await deps.engine.importAdapter({
      ...{ base: await base.directory(), baseName: base.id, from, to },
      positionRule: fields.position_rule,
    })
    return await add(deps, to, { base: base.id, suffix: fields.suffix, peftType, hash })
  } catch (error) {
    throw asRefusal(error, directory)
  } finally {
    await rm(directory, { recursive: true, maxRetries: 3 }) // a file may just be closing
  }
}

/** The base that the request names, or else the one that the adapter itself names. */
async function baseOf(bases: BaseModels, fields: ImportFields, from: string): Promise<BaseModel> {
  const id = fields.base ?? namedBase(from)
  const base = id === undefined ? undefined : await bases.find(id)
  if (base) return base
  const known = (await bases.list()).map((base) => base.id).join(', ') || 'none'
  if (fields.base) {
    const message = `there is no base model "${id}"; there are: ${known}`
    throw new ApiError('model_not_found', message, { param: 'base' })
  }
  const found =
    id === undefined ? 'the adapter does not name its base' : `the adapter's base is called "${id}"`
  throw new ApiError('invalid_value', `base: ${found}; say which it is: ${known}`, { param: 'base' })
}

type Made = { base: string; suffix: string | undefined; peftType: AdapterRow['peftType']; hash: string }

/** Puts the files in `directory` into the store, then adds the row; what is left when that fails, the sweep removes. */
async function add(
  { db, project, store, keep }: Deps,
  directory: string,
  { suffix, ...made }: Made,
): Promise<AdapterRow> {
  const id = newId('adapter')
  const objectKey = `adapters/${id}`
  let bytes = 0
  for (const name of await readdir(directory)) {
    await store.put(`${objectKey}/${name}`, createReadStream(join(directory, name)))
    bytes += (await stat(join(directory, name))).size
  }
  const model = tunedModelId(made.base, suffix, id)
  return db.transaction(async (tx) => {
    const [row] = await tx
      .insert(adapters)
      .values({ id, project, model, ...made, bytes, objectKey, trace: tracePlace() })
      .returning()
    await keep(tx, toAdapter(row!), 201)
    return row!
  })
}

/** What the engine says of bad files, without the place on this machine where they lay. */
function asRefusal(error: unknown, directory: string): unknown {
  const { code, message } = error as Error & { code?: unknown }
  if (code !== 'invalid_adapter') return error
  const places = ['from', 'to'].map((name) => join(directory, name) + sep)
  const told = places.reduce((text, place) => text.replaceAll(place, ''), message)
  return new ApiError('invalid_file', told, { param: 'file', cause: error })
}
