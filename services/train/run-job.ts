import { setTimeout as sleep } from 'node:timers/promises'
import type { Device } from '../../contract/device.ts'
import type { JobStatus } from '../../contract/job.ts'
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
import { loadState, statesKey } from './states.ts'

export type RunDeps = {
  db: Database
  store: Store
  bases: BaseModels
  training: Pick<Queue, 'enqueue'>
  openEngine: OpenEngine
  /** Where jobs are trained that do not say where. */
  device: Device
  /** Bytes that a job may take; most of what the machine has when absent. */
  memory?: number
  /** The directory that keeps quantised weights of bases. */
  cache: string
  log: Log
}

/** How soon a job that was cancelled or paused is let go. */
const watchMs = 200

/** Trains a job to its end. When `signal` aborts, the worker keeps its state and the job goes back in line. */
export async function runJob(deps: RunDeps, id: JobId, signal: AbortSignal): Promise<void> {
  const job = await beginJob(deps, id)
  if (!job) return
  const ours = { id, status: ['running'], attempt: job.attempt } as const
  const lost = new AbortController()
  const paused = new AbortController()
  const over = new AbortController()
  const watching = watch(deps, ours, { lost, paused }, over.signal)
  try {
    await train(deps, job, { stop: lost.signal, pause: AbortSignal.any([signal, paused.signal]) })
    if (signal.aborted) await giveBack(deps, job, ours)
  } catch (error) {
    if (error instanceof JobFailure) {
      const level = error.code === 'server_error' ? 'error' : 'warn'
      deps.log[level]({ job: id, code: error.code, err: error.cause }, 'job failed')
      await failJob(deps.db, ours, error)
    } else if (!lost.signal.aborted) throw error
  } finally {
    over.abort()
    await watching
    await dropStates(deps, id)
  }
}

async function train(
  deps: RunDeps,
  job: JobRow,
  signals: { stop: AbortSignal; pause: AbortSignal },
): Promise<void> {
  const base = await deps.bases.find(job.model)
  if (!base) throw new JobFailure('model_not_found', `"${job.model}" is not among the base models any more`)
  const data = await loadData(deps.store, job)
  const resume = job.stateKey ? await loadState(deps.store, job.stateKey) : undefined
  const { peft: method, trainingArgs: args } = job
  const { memory, cache } = deps
  const { device = deps.device } = args
  const run = {
    base: base.directory,
    baseName: base.id,
    ...data,
    method,
    args,
    device,
    memory,
    cache,
    resume,
  }
  const record = await createRecorder(deps, job)
  for await (const moment of trainingMoments(deps.openEngine, run, signals)) {
    if (!(await record(moment))) return
  }
}

const ended = new Set<JobStatus>(['succeeded', 'failed', 'cancelled'])

/** A job that has ended needs no state any more. */
async function dropStates({ db, store }: RunDeps, id: JobId): Promise<void> {
  const job = await findJob(db, id)
  if (!job || ended.has(job.status)) await store.delete(statesKey({ id }))
}

/** Aborts `paused` when the job is, and `lost` once it is not ours any more: cancelled, or begun by another worker. */
async function watch(
  { db, log }: RunDeps,
  { id, attempt }: Expected,
  { lost, paused }: { lost: AbortController; paused: AbortController },
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted && !lost.signal.aborted) {
    await sleep(watchMs, undefined, { signal: over }).catch(() => {})
    try {
      const job = await findJob(db, id)
      if (!job || job.attempt !== attempt || ended.has(job.status)) lost.abort()
      else if (job.status !== 'running') paused.abort()
    } catch (error) {
      log.warn({ job: id, err: error }, 'could not look after the job')
    }
  }
}

/** Puts a job that has not ended back in line: a server that stops is no stall. */
async function giveBack({ db, training }: RunDeps, job: JobRow, ours: Expected): Promise<void> {
  const patch = { status: 'queued', stalls: Math.max(0, job.stalls - 1), estimatedFinish: null } as const
  const event = say('The server stops; the job goes on from its last state once it is back', 'warn')
  if (await advance(db, ours, patch, [event])) await training.enqueue(job.id)
}
