import { setTimeout as sleep } from 'node:timers/promises'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import type { Log } from '../../infra/log.ts'
import type { Queue } from '../../infra/queue/queue.ts'
import type { Store } from '../../infra/store/store.ts'
import { beginJob } from './begin-job.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, type Expected, findJob, type JobId, type JobRow } from './job.ts'
import { loadData } from './load-data.ts'
import { type OpenEngine, trainingMoments } from './moments.ts'
import { createRecorder } from './recorder.ts'
import { say } from './say.ts'

export type RunDeps = {
  db: Database
  store: Store
  bases: BaseModels
  training: Pick<Queue, 'enqueue'>
  openEngine: OpenEngine
  log: Log
}

/** How soon a cancelled job stops. */
const watchMs = 500

/** Trains a job to its end. When `signal` aborts, the worker stops and the job goes back in line. */
export async function runJob(deps: RunDeps, id: JobId, signal: AbortSignal): Promise<void> {
  const job = await beginJob(deps, id)
  if (!job) return
  const ours = { id, status: ['running'], attempt: job.attempt } as const
  const lost = new AbortController()
  const over = new AbortController()
  const watching = watch(deps, ours, lost, over.signal)
  try {
    await train(deps, job, AbortSignal.any([signal, lost.signal]))
  } catch (error) {
    if (signal.aborted) await giveBack(deps, job, ours)
    else if (error instanceof JobFailure) {
      const level = error.code === 'server_error' ? 'error' : 'warn'
      deps.log[level]({ job: id, code: error.code, err: error.cause }, 'job failed')
      await failJob(deps.db, ours, error)
    } else if (!lost.signal.aborted) throw error
  } finally {
    over.abort()
    await watching
  }
}

async function train(deps: RunDeps, job: JobRow, stop: AbortSignal): Promise<void> {
  const base = await deps.bases.find(job.model)
  if (!base) throw new JobFailure('model_not_found', `"${job.model}" is not among the base models any more`)
  const data = await loadData(deps.store, job)
  const run = { base: base.directory, baseName: base.id, ...data, method: job.peft, args: job.trainingArgs }
  const record = createRecorder(deps, job)
  for await (const moment of trainingMoments(deps.openEngine, run, stop)) {
    if (!(await record(moment))) return
  }
}

/** Aborts `lost` once the job is not ours any more: cancelled, or begun by another worker. */
async function watch(
  { db, log }: RunDeps,
  { id, attempt }: Expected,
  lost: AbortController,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted && !lost.signal.aborted) {
    await sleep(watchMs, undefined, { signal: over }).catch(() => {})
    try {
      const job = await findJob(db, id)
      if (job?.status !== 'running' || job.attempt !== attempt) lost.abort()
    } catch (error) {
      log.warn({ job: id, err: error }, 'could not look after the job')
    }
  }
}

/** Puts a job back in line as if it had not begun: a server that stops is no failed attempt. */
async function giveBack({ db, training }: RunDeps, job: JobRow, ours: Expected): Promise<void> {
  const patch = { status: 'queued', attempt: job.attempt - 1, estimatedFinish: null } as const
  const event = say('The server stops; the job starts again from the beginning once it is back', 'warn')
  if (await advance(db, ours, patch, [event])) await training.enqueue(job.id)
}
