/** Samples that a job had to cut, written on the datasets that hold them. */
import { eq } from 'drizzle-orm'
import { maxTruncated, type Truncation } from '../../contract/dataset.ts'
import type { Id } from '../../contract/ids.ts'
import type { TrainEvent } from '../../engine/index.ts'
import type { Transaction } from '../../infra/db/client.ts'
import { datasets } from '../../infra/db/tables/index.ts'
import type { JobRow } from './job.ts'

type Cuts = Extract<TrainEvent, { type: 'start' }>['truncated']

/** Replaces what an earlier attempt at the job has written. */
export async function noteTruncations(tx: Transaction, job: JobRow, cuts: Cuts): Promise<void> {
  const { datasetId, validationDatasetId } = job
  const inTraining = validationDatasetId ? cuts.filter(({ set }) => set === 'train') : cuts
  if (datasetId) await note(tx, datasetId, job, inTraining)
  if (validationDatasetId)
    await note(
      tx,
      validationDatasetId,
      job,
      cuts.filter(({ set }) => set === 'dev'),
    )
}

async function note(tx: Transaction, id: Id<'dataset'>, job: JobRow, cuts: Cuts): Promise<void> {
  const [row] = await tx.select().from(datasets).where(eq(datasets.id, id)).for('update')
  if (!row) return // deleted meanwhile
  const others = row.truncations.filter(({ job_id }) => job_id !== job.id)
  const own: Truncation[] = cuts[0]
    ? [
        {
          job_id: job.id,
          model: job.model,
          limit: cuts[0].limit,
          total: cuts.length,
          samples: cuts.slice(0, maxTruncated).map(({ set, index, tokens }) => ({ set, index, tokens })),
        },
      ]
    : []
  await tx
    .update(datasets)
    .set({ truncations: [...others, ...own] })
    .where(eq(datasets.id, id))
}
