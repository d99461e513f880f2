import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { type BaseModel, BaseModelId, type BaseModelRequest } from '../../contract/base-model.ts'
import { ApiError } from '../../contract/errors.ts'
import { baseModelTable } from '../../infra/db/tables/index.ts'
import { addDirectory } from './add-directory.ts'
import type { ModelsDeps } from './app.ts'
import { advance, type BaseModelRow, findRow, toBaseModel } from './base-model.ts'
import { partsOf } from './pull-model.ts'

/**
 * Begins to pull a model, or adds one from a directory. A pull of what is being pulled already joins it; one of what
 * has failed goes on.
 * @throws ApiError when the name is taken, or the directory cannot be used
 */
export async function createBaseModel(deps: ModelsDeps, request: BaseModelRequest): Promise<BaseModel> {
  const { source, path } = request
  const id = BaseModelId.safeParse(request.id ?? source ?? basename(path!))
  if (!id.success)
    throw new ApiError('invalid_value', `path: its name is no name of a model; give one as id`, {
      param: 'id',
    })
  if (await deps.shipped.find(id.data)) throw taken(id.data, 'it ships with the server')
  return toBaseModel(path === undefined ? await pull(deps, id.data, request) : await add(deps, id.data, path))
}

async function pull(
  deps: ModelsDeps,
  id: string,
  { source = id, revision, endpoint }: BaseModelRequest,
): Promise<BaseModelRow> {
  const origin = {
    origin: 'hub' as const,
    source,
    revision: revision ?? null,
    endpoint: endpoint?.replace(/\/+$/, '') ?? null,
  }
  const [fresh] = await deps.db
    .insert(baseModelTable)
    .values({ id, status: 'downloading', ...origin, objectKey: keyOf(id) })
    .onConflictDoNothing()
    .returning()
  return fresh ?? (await resume(deps, id, origin))
}

type Origin = Pick<BaseModelRow, 'origin' | 'source' | 'revision' | 'endpoint'>

/** The row of a pull that goes on, or begins again at another revision. */
async function resume({ db, downloads }: ModelsDeps, id: string, origin: Origin): Promise<BaseModelRow> {
  const row = await findRow(db, id)
  if (!row) throw new ApiError('conflict', `"${id}" was deleted just now; ask again`)
  const keys = ['origin', 'source', 'revision', 'endpoint'] as const
  const same = keys.every((key) => row[key] === origin[key])
  if (row.status === 'downloading' && same) return row
  if (row.status === 'failed') {
    // Parts of the same commit are still good; those of another one are not.
    const anew = same ? {} : { ...origin, commit: null, objectKey: keyOf(id) }
    const again = await advance(
      db,
      { id, status: ['failed'] },
      { status: 'downloading', error: null, ...anew },
    )
    if (again && !same) await rm(partsOf(downloads, row), { recursive: true, force: true })
    if (again) return again
  }
  throw taken(id, row.status === 'ready' ? 'it is there already' : 'another revision of it is being pulled')
}

async function add({ db, store }: ModelsDeps, id: string, path: string): Promise<BaseModelRow> {
  if (await findRow(db, id)) throw taken(id, 'it is there already')
  const objectKey = keyOf(id)
  const files = await addDirectory(store, path, objectKey)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  // The row comes last: a model that can be seen has all its files.
  const values = { id, status: 'ready' as const, origin: 'path' as const, source: path, objectKey }
  const [row] = await db
    .insert(baseModelTable)
    .values({ ...values, files, bytes, bytesDone: bytes })
    .onConflictDoNothing()
    .returning()
  if (row) return row
  await store.delete(objectKey)
  throw taken(id, 'it is there already')
}

/** A place of its own for each attempt: two never write the same objects. */
const keyOf = (id: string) => `base_models/${id}/${crypto.randomUUID()}`

const taken = (id: string, why: string) =>
  new ApiError('conflict', `there is a base model "${id}": ${why}; delete it first, or give another id`, {
    param: 'id',
  })
