import { setsOf } from '../../corpus/make-dataset.ts'
import type { TrainRun } from '../../engine/index.ts'
import { ObjectNotFound, type Store } from '../../infra/store/store.ts'
import { JobFailure } from './fail.ts'
import type { JobRow } from './job.ts'

/**
 * What a job trains on and what it is measured on. Without a validation file: the two sets of its dataset. With one:
 * all of that file is the dev set, and a training file that is no dataset, so that nobody chose its split, is
 * trained on as a whole.
 * @throws JobFailure when a dataset was deleted meanwhile
 */
export async function loadData(store: Store, job: JobRow): Promise<Pick<TrainRun, 'train' | 'dev'>> {
  const validation = job.validationDatasetId
  try {
    const { train, dev } = await setsOf(store, job.datasetId!)
    if (!validation) return { train: { files: [train] }, dev: { files: [dev] } }
    const measured = await setsOf(store, validation)
    return {
      train: { files: job.trainingFile === job.datasetId ? [train] : [train, dev] },
      dev: { files: [measured.train, measured.dev] },
    }
  } catch (error) {
    if (!(error instanceof ObjectNotFound)) throw error
    throw new JobFailure('dataset_not_found', `a dataset of this job was deleted: ${error.message}`, {
      cause: error,
    })
  }
}
