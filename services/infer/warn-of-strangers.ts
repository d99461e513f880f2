import { toApiError } from '../../infra/http/errors.ts'
import type { Log } from '../../infra/log.ts'
import { type ModelDeps, openModel } from './open-model.ts'

/** Says which models the configuration names that are not there: a slip of the pen, or still to be pulled. */
export async function warnOfStrangers(deps: ModelDeps, log: Pick<Log, 'warn'>): Promise<void> {
  for (const id of deps.weights?.named.keys() ?? [])
    await openModel(deps, id).catch((error: unknown) => {
      if (toApiError(error).code !== 'model_not_found') throw error
      log.warn({ model: id }, 'PREAMBLE_WEIGHTS names a model that is not there yet')
    })
}
