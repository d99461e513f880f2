/** Adapters are in memory when requests need them; this is for those who want them there before, or for good. */
import { sep } from 'node:path'
import { ApiError } from '../../contract/errors.ts'
import type { AdapterSource, EngineThread } from '../../engine/index.ts'
import { type AdapterRow, findAdapter } from './adapter.ts'
import { type ModelDeps, openModel } from './open-model.ts'

type Deps = ModelDeps & { engine: Pick<EngineThread, 'adapters'> }

/** `load`: until the memory is needed; `pin`: until it is unpinned, deleted, or the server ends; `unpin` takes it back. */
export type Keeping = 'load' | 'pin' | 'unpin'

/** @throws ApiError when there is no such adapter, it cannot be used, or no more can be pinned */
export async function keepAdapter(deps: Deps, id: string, keeping: Keeping): Promise<AdapterRow> {
  const row = await findAdapter(deps, id)
  const source = await sourceOf(deps, row)
  try {
    if (keeping === 'unpin') await deps.engine.adapters.unpin(source)
    else await deps.engine.adapters.load({ ...source, pin: keeping === 'pin' })
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown }
    const about = { param: 'id', cause: error }
    if (code === 'adapters_full') {
      // Not with the engine's numbers: those of other projects are among them.
      const full = 'adapters that are pinned may take no more of the memory; unpin another one'
      throw new ApiError('conflict', full, about)
    }
    if (code !== 'invalid_adapter') throw error
    throw new ApiError('invalid_adapter', message.replaceAll(source.adapter + sep, ''), about)
  }
  return row
}

async function sourceOf(deps: Deps, { model }: AdapterRow): Promise<AdapterSource> {
  const { base, adapter, adapterHash } = await openModel(deps, model)
  if (adapter !== undefined) return { base, adapter, adapterHash }
  const message = `${model} is no adapter, all its weights were trained: it is a base of its own in memory`
  throw new ApiError('unsupported_value', message, { param: 'id' })
}
