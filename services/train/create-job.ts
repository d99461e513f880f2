import { and, eq } from 'drizzle-orm'
import { ApiError } from '../../contract/errors.ts'
import { isId, newId } from '../../contract/ids.ts'
import type { Job, JobRequest } from '../../contract/job.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { datasets, files, jobs, notExpired } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import { buildsOn, tell, tracePlace } from '../../infra/traces/spans.ts'
import { addEvents, toJob } from './job.ts'
import { say } from './say.ts'
import { settingsOf } from './settings.ts'

type Deps = InProject & { db: Database; bases: BaseModels; keep?: Keep }

/**
 * Puts a job in line to have its files validated, and then to be trained.
 * @throws ApiError when there is no such base model or file
 */
export async function createJob(deps: Deps, request: JobRequest): Promise<Job> {
  const { db, project, bases } = deps
  await findBase(bases, request.model)
  await mustExist(deps, 'training_file', request.training_file)
  if (request.validation_file) await mustExist(deps, 'validation_file', request.validation_file)

  const { hyperparameters, peft, args, warnings } = settingsOf(request)
  const id = newId('job')
  tell({ 'preamble.job.id': id })
  return db.transaction(async (tx) => {
    const [row] = await tx
      .insert(jobs)
      .values({
        id,
        project,
        status: 'validating_files',
        model: request.model,
        trainingFile: request.training_file,
        validationFile: request.validation_file,
        suffix: request.suffix,
        seed: args.seed,
        hyperparameters,
        peft,
        trainingArgs: args,
        metadata: request.metadata,
        trace: tracePlace(),
      })
      .returning()
    await addEvents(tx, id, [
      say(`Created fine-tuning job: ${id}`),
      ...warnings.map((warning) => say(warning, 'warn')),
      say(`Validating training file: ${request.training_file}`),
    ])
    const job = toJob(row!)
    await deps.keep?.(tx, job)
    return job
  })
}

/** Throws ApiError when there is no such base model. */
export async function findBase(bases: BaseModels, model: string) {
  const base = await bases.find(model)
  if (base) return base
  const known = (await bases.list()).map(({ id }) => id).join(', ') || 'none'
  const message = `there is no base model "${model}" to tune; there are: ${known}`
  throw new ApiError('model_not_found', message, { param: 'model' })
}

/** Throws ApiError unless `id` names a file, or a dataset that can be trained on. */
async function mustExist({ db, project }: Deps, param: string, id: string): Promise<void> {
  if (isId('dataset', id)) {
    const own = and(eq(datasets.project, project), eq(datasets.id, id))
    const [row] = await db
      .select({ status: datasets.status, trace: datasets.trace })
      .from(datasets)
      .where(own)
    if (row?.status === 'ready') return buildsOn(row.trace)
    if (row)
      throw new ApiError(
        'invalid_value',
        `${param}: dataset ${id} is ${row.status}; only a ready one can be used`,
        { param },
      )
  } else if (isId('file', id)) {
    const own = and(eq(files.project, project), eq(files.id, id), notExpired)
    const [row] = await db.select({ trace: files.trace }).from(files).where(own)
    if (row) return buildsOn(row.trace)
  }
  throw new ApiError('not_found', `${param}: there is no file or dataset ${id}`, { param })
}
