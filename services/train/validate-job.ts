import { Split } from '../../contract/dataset.ts'
import { ApiError } from '../../contract/errors.ts'
import { type Id, isId } from '../../contract/ids.ts'
import { type DatasetRow, makeDataset } from '../../corpus/make-dataset.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { Database } from '../../infra/db/client.ts'
import type { Queue } from '../../infra/queue/queue.ts'
import type { Store } from '../../infra/store/store.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, findJob, type JobId, type JobRow } from './job.ts'
import { lineOf } from './line.ts'
import { type NewEvent, say } from './say.ts'

type Deps = { db: Database; store: Store; training: Pick<Queue, 'enqueue'> }
type ConvertDeps = InProject & Pick<Deps, 'db' | 'store'>

/** Converts a job's files into datasets and puts it in line to be trained; a bad corpus fails the job. */
export async function validateJob(deps: Deps, id: JobId): Promise<void> {
  const { db, training } = deps
  let job = await findJob(db, id)
  if (job?.status === 'validating_files') {
    const expected = { id, status: ['validating_files'] } as const
    try {
      const { events, ...datasetIds } = await convertFiles(deps, job)
      job = await advance(db, expected, { status: 'queued', ...datasetIds }, [
        ...events,
        say('Files validated, moving job to queued state'),
      ])
    } catch (error) {
      if (!(error instanceof JobFailure)) throw error
      return failJob(db, expected, error)
    }
  }
  // Also where an earlier worker died right after it had moved the job on.
  if (job?.status === 'queued') await training.enqueue(id, lineOf(job))
}

async function convertFiles({ db, store }: Deps, { project, trainingFile, validationFile }: JobRow) {
  const deps = { db, store, project }
  // Where each set has a file of its own, nothing is split off.
  const split = Split.parse(validationFile ? { train: 1, shuffle: false } : {})
  const training = await datasetOf(deps, 'training_file', trainingFile, split)
  const validation = validationFile
    ? await datasetOf(deps, 'validation_file', validationFile, split)
    : undefined
  return {
    datasetId: training.id,
    validationDatasetId: validation?.id ?? null,
    events: [training, validation].flatMap((made) => made?.events ?? []),
  }
}

/** The dataset that a file is, or is converted to. */
async function datasetOf(
  deps: ConvertDeps,
  param: string,
  id: string,
  split: Split,
): Promise<{ id: Id<'dataset'>; events: NewEvent[] }> {
  if (isId('dataset', id)) return { id, events: [] }
  const made = await convert(deps, param, id, split)
  if (made.error) throw new JobFailure(made.error.code, `${param}: ${made.error.message}`, { param })
  const { id: datasetId, problemsTotal: warnings } = made
  const events =
    warnings > 0 ? [say(`${id}: ${warnings} warnings; dataset ${datasetId} lists them`, 'warn')] : []
  return { id: datasetId, events }
}

async function convert(deps: ConvertDeps, param: string, fileId: string, split: Split): Promise<DatasetRow> {
  try {
    return await makeDataset(deps, { fileId, split }, param)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw new JobFailure('file_not_found', error.message, { param, cause: error })
  }
}
