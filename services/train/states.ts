/** The state of a run that a job can be taken up from, as objects in the store. */
import type { TrainingState } from '../../engine/index.ts'
import { ObjectNotFound, type Store } from '../../infra/store/store.ts'
import type { JobRow } from './job.ts'

/** All states of a job lie below this key; its row names the one that counts. */
export const statesKey = ({ id }: Pick<JobRow, 'id'>) => `states/${id}`

/** The state at `key`; undefined when it is gone, and the run has to begin anew. */
export async function loadState(store: Store, key: string): Promise<TrainingState | undefined> {
  try {
    const names = await store.list(key)
    const files = names.map(async (name) => [name, await store.bytes(`${key}/${name}`)] as const)
    return names.length === 0 ? undefined : Object.fromEntries(await Promise.all(files))
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined
    throw error
  }
}
