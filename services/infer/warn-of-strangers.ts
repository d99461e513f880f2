import { eq } from 'drizzle-orm'
import type { WeightForms } from '../../contract/weights.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import type { Log } from '../../infra/log.ts'

type Deps = { db: Database; bases: BaseModels; weights?: WeightForms }

/** Says which models the configuration names that are not there: a slip of the pen, or still to be pulled. */
export async function warnOfStrangers({ db, bases, weights }: Deps, log: Pick<Log, 'warn'>): Promise<void> {
  for (const model of weights?.named.keys() ?? []) {
    if (await bases.find(model)) continue
    const tuned = await db.select({ id: adapters.id }).from(adapters).where(eq(adapters.model, model))
    if (tuned.length === 0) log.warn({ model }, 'PREAMBLE_WEIGHTS names a model that is not there yet')
  }
}
