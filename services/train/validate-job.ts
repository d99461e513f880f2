import { Split } from '../../contract/dataset.ts'
import { ApiError } from '../../contract/errors.ts'
import { type Id, isId } from '../../contract/ids.ts'
import { type DatasetRow, type MakeDeps, makeDataset } from '../../corpus/make-dataset.ts'
import type { Transaction } from '../../infra/db/client.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, type JobRow } from './job.ts'
import { say } from './say.ts'
import { inJob } from './spans.ts'

const sets = {
  training_file: { file: 'trainingFile', dataset: 'datasetId' },
  validation_file: { file: 'validationFile', dataset: 'validationDatasetId' },
} as const
type Param = keyof typeof sets

/** The job is not ours any more: it was cancelled, or another worker has taken it. */
class JobLost extends Error {}

/** Converts the files of a job that was taken into datasets and puts it in line to be trained; a bad corpus fails it. */
export async function validateJob(deps: MakeDeps, job: JobRow): Promise<void> {
  try {
    if (!(await inJob(job, 'validate files', () => haveDatasets(deps, job)))) return
    const patch = { status: 'queued', stalls: 0 } as const
    await advance(deps.db, whose(job), patch, [say('Files validated, moving job to queued state')])
  } catch (error) {
    if (error instanceof JobFailure) await failJob(deps.db, whose(job), error)
    else if (!(error instanceof JobLost)) throw error
  }
}

async function haveDatasets(deps: MakeDeps, job: JobRow): Promise<boolean> {
  for (const param of ['training_file', 'validation_file'] as const)
    if (!(await haveDataset(deps, job, param))) return false
  return true
}

const whose = ({ id, attempt }: JobRow) => ({ id, status: ['validating_files'], attempt }) as const

/**
 * Sees to it that the job knows the dataset which one of its files is, or is converted to. A dataset is made in one
 * transaction with the job's knowledge of it: a worker that goes on for another one makes none twice.
 * @returns whether the job goes on
 */
async function haveDataset(deps: MakeDeps, job: JobRow, param: Param): Promise<boolean> {
  const { db } = deps
  const { file, dataset } = sets[param]
  const fileId = job[file]
  if (!fileId || job[dataset]) return true
  if (isId('dataset', fileId)) {
    return (await advance(db, whose(job), { [dataset]: fileId })) !== undefined
  }
  // Where each set has a file of its own, nothing is split off.
  const split = Split.parse(job.validationFile ? { train: 1, shuffle: false } : {})
  try {
    const made = await makeDataset(
      { ...deps, project: job.project },
      { fileId, split },
      param,
      async (tx, made) => {
        if (!(await note(tx, job, param, made))) throw new JobLost()
      },
    )
    return made.error === null
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw new JobFailure('file_not_found', error.message, { param, cause: error })
  }
}

/** Undefined: the job is not ours any more. */
async function note(tx: Transaction, job: JobRow, param: Param, made: DatasetRow) {
  const { id, error, problemsTotal: warnings } = made
  if (error)
    return failJob(tx, whose(job), new JobFailure(error.code, `${param}: ${error.message}`, { param }))
  const { file, dataset } = sets[param]
  const events =
    warnings > 0 ? [say(`${job[file]}: ${warnings} warnings; dataset ${id} lists them`, 'warn')] : []
  return advance(tx, whose(job), { [dataset]: id satisfies Id<'dataset'> }, events)
}
