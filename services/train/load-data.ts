import { conversationsOf } from '../../corpus/make-dataset.ts'
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
  const training = job.datasetId!
  const validation = job.validationDatasetId
  try {
    const [train, dev] = await Promise.all([
      conversationsOf(store, training, 'train'),
      conversationsOf(store, training, 'dev'),
    ])
    if (!validation) return { train, dev }
    const both = await Promise.all([
      conversationsOf(store, validation, 'train'),
      conversationsOf(store, validation, 'dev'),
    ])
    return { train: job.trainingFile === training ? train : [...train, ...dev], dev: both.flat() }
  } catch (error) {
    if (!(error instanceof ObjectNotFound)) throw error
    throw new JobFailure('dataset_not_found', `a dataset of this job was deleted: ${error.message}`, {
      cause: error,
    })
  }
}
