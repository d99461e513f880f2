import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Device } from '../../contract/device.ts'
import type { EngineThread, TrainEvent, TrainRun } from '../../engine/index.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import type { Database } from '../../infra/db/client.ts'
import { jobs as jobTable } from '../../infra/db/tables/index.ts'
import type { Log } from '../../infra/log.ts'
import type { Store } from '../../infra/store/store.ts'
import { failJob, JobFailure } from './fail.ts'
import { advance, type Expected, findJob, isEnd, type JobId, type JobRow, type Patch } from './job.ts'
import { loadData } from './load-data.ts'
import { type OpenEngine, trainingMoments } from './moments.ts'
import { createRecorder } from './recorder.ts'
import { say } from './say.ts'
import { inJob, runSpans } from './spans.ts'
import { loadState, statesKey } from './states.ts'

export type RunDeps = {
  db: Database
  store: Store
  bases: BaseModels
  openEngine: OpenEngine
  /** Where jobs are trained that do not say where. */
  device: Device
  /** Bytes that a job may take; most of what the machine has when absent. */
  memory?: number
  /** The directory that keeps quantised weights of bases, and one for what is written on the way. */
  cache: string
  scratch: string
  log: Log
}

/** How soon a job that was cancelled or paused is let go. */
const watchMs = 200

/**
 * Trains jobs that were begun together, each to its own end. When `signal` aborts, the worker keeps their states and the
 * jobs go back in line; so they do when something throws that is no fault of theirs.
 * @param letGo called for a job that is done with while others may go on
 */
export async function runJobs(
  deps: RunDeps,
  jobs: readonly JobRow[],
  signal: AbortSignal,
  letGo: (job: JobRow) => Promise<void> = async () => {},
): Promise<void> {
  try {
    await trainAll(deps, jobs, signal, letGo)
  } catch (error) {
    const message = 'The worker could not go on, its log says why; the job is tried again'
    // As well as it can be said: it may be the database that is away.
    await Promise.allSettled(jobs.map((job) => putBack(deps, job, {}, message)))
    throw error
  }
}

async function trainAll(
  deps: RunDeps,
  jobs: readonly JobRow[],
  signal: AbortSignal,
  letGo: (job: JobRow) => Promise<void>,
): Promise<void> {
  const runs = await Promise.all(
    jobs.map((job) => failing(deps, job, () => inJob(job, 'load data', () => runOf(deps, job)))),
  )
  const members = jobs.flatMap((job, i) => (runs[i] ? [{ job, run: runs[i] }] : []))
  if (members.length === 0) return
  const engine = deps.openEngine()
  try {
    await Promise.all(members.map(({ job }) => tellCompany(deps, job, members)))
    const streams = engine.trainTogether(members.map(({ run }) => run))
    const ends = await Promise.allSettled(
      members.map(async ({ job }, i) => {
        await follow(deps, job, streams[i]!, signal)
        if (!signal.aborted) await letGo(job) // else all go together, and find together again
      }),
    )
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  } finally {
    await engine.close()
  }
}

const whose = ({ id, attempt }: JobRow) => ({ id, status: ['running'], attempt }) as const

/** Does something for a job, which fails when that throws a JobFailure; those beside it do not know of it. */
async function failing<T>(deps: RunDeps, job: JobRow, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof JobFailure)) throw error
    const level = error.code === 'server_error' ? 'error' : 'warn'
    deps.log[level]({ job: job.id, code: error.code, err: error.cause }, 'job failed')
    await failJob(deps.db, whose(job), error)
    return undefined
  } finally {
    await dropStates(deps, job.id)
  }
}

/** What the engine is to do for a job. */
async function runOf(deps: RunDeps, job: JobRow): Promise<TrainRun> {
  const base = await deps.bases.find(job.model)
  if (!base) throw new JobFailure('model_not_found', `"${job.model}" is not among the base models any more`)
  const data = await loadData(deps.store, job)
  const resume = job.stateKey ? await loadState(deps.store, job.stateKey) : undefined
  const { peft: method, trainingArgs: args } = job
  const { memory, cache } = deps
  const { device = deps.device } = args
  return {
    base: await base.directory(),
    baseName: base.id,
    ...data,
    method,
    args,
    device,
    memory,
    cache,
    resume,
  }
}

async function tellCompany({ db }: RunDeps, job: JobRow, members: readonly { job: JobRow }[]): Promise<void> {
  const others = members.flatMap((member) => (member.job.id === job.id ? [] : [member.job.id]))
  if (others.length === 0) return
  const event = say(`Trained together with ${others.join(', ')}`)
  await advance(db, whose(job), { attempt: job.attempt }, [event])
}

/** Follows a job's training, and ends it when the job is not to go on. */
async function follow(
  deps: RunDeps,
  job: JobRow,
  training: ReturnType<EngineThread['trainTogether']>[number],
  signal: AbortSignal,
): Promise<void> {
  const lost = new AbortController()
  const paused = new AbortController()
  const over = new AbortController()
  const watching = watch(deps, whose(job), { lost, paused }, over.signal)
  const signals = { stop: lost.signal, pause: AbortSignal.any([signal, paused.signal]) }
  try {
    const moments = trainingMoments(training, signals)
    await failing(deps, job, () => inJob(job, 'run job', () => writeDown(deps, job, moments)))
    if (signal.aborted) await giveBack(deps, job)
  } catch (error) {
    // Whoever was suspended may have lost more than the job: its connection, amid a transaction.
    if (!lost.signal.aborted && !(await isLost(deps, job))) throw error
  } finally {
    over.abort()
    await watching
  }
  if (await isLost(deps, job))
    deps.log.warn(
      { job: job.id, attempt: job.attempt },
      'lost the job: its lease ran out, and another worker has it',
    )
}

/** Whether another worker has taken the job. */
async function isLost({ db }: RunDeps, { id, attempt }: JobRow): Promise<boolean> {
  const now = await findJob(db, id)
  return now !== undefined && now.attempt !== attempt
}

/** Until the moments end, or the job is not ours any more. */
async function writeDown(deps: RunDeps, job: JobRow, moments: AsyncIterable<TrainEvent>): Promise<void> {
  using spans = runSpans()
  const record = await createRecorder(deps, job)
  for await (const moment of moments) if (!(await spans.during(moment, () => record(moment)))) return
}

/** A job that has ended needs no state any more. */
async function dropStates({ db, store }: RunDeps, id: JobId): Promise<void> {
  const job = await findJob(db, id)
  if (!job || isEnd(job.status)) await store.delete(statesKey({ id }))
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
      if (!job || job.attempt !== attempt || isEnd(job.status)) lost.abort()
      else if (job.status !== 'running') paused.abort()
    } catch (error) {
      log.warn({ job: id, err: error }, 'could not look after the job')
    }
  }
}

/** A server that stops is no stall. */
const giveBack = (deps: RunDeps, job: JobRow) =>
  putBack(
    deps,
    job,
    { stalls: sql`greatest(${jobTable.stalls} - 1, 0)` },
    'The server stops; the job goes on from its last state once it is back',
  )

/** Puts a job that has not ended back in line. */
async function putBack({ db }: RunDeps, job: JobRow, patch: Patch, message: string): Promise<void> {
  const queued = { ...patch, status: 'queued', estimatedFinish: null } as const
  await advance(db, whose(job), queued, [say(message, 'warn')])
}
