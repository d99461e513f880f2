/** Writes down what a training run tells: events, checkpoints and, at its end, the tuned model. */
import { newId } from '../../contract/ids.ts'
import { type AdapterFiles, adapterHash, type TrainEvent, tensorFile } from '../../engine/index.ts'
import type { Database, Transaction } from '../../infra/db/client.ts'
import { adapters, files, jobCheckpoints } from '../../infra/db/tables/index.ts'
import { announce } from '../../infra/outbox.ts'
import type { Store } from '../../infra/store/store.ts'
import { tracePlace } from '../../infra/traces/spans.ts'
import { JobFailure } from './fail.ts'
import { advance, type JobRow, type Patch } from './job.ts'
import { checkpointModelId, modelId } from './model-id.ts'
import { storeResults } from './results.ts'
import { eventsOf, say } from './say.ts'
import { statesKey } from './states.ts'
import { readTold } from './told.ts'
import { noteTruncations } from './truncations.ts'

type Moment<T extends TrainEvent['type']> = Extract<TrainEvent, { type: T }>
/** Writes a moment down; false: the job was cancelled, or is another worker's by now, and nothing was written. */
type Record = (moment: TrainEvent) => Promise<boolean>

/** Everything that attempts at a job have stored lies below this key. */
export const adaptersKey = (job: Pick<JobRow, 'id'>) => `adapters/${job.id}`

/** The recorder of the run that `job`, as it is now, has begun or goes on with. */
export async function createRecorder(
  { db, store }: { db: Database; store: Store },
  job: JobRow,
): Promise<Record> {
  const told = await readTold(db, job.id)
  // A job that is paused is ours until its state is written down, also when it is in line again already: it is taken
  // only after that, and then under another attempt.
  const ours = { id: job.id, status: ['running', 'paused', 'queued'], attempt: job.attempt } as const
  const same = { attempt: job.attempt }
  const objectKey = (name: string) => `${adaptersKey(job)}/${job.attempt}/${name}`
  const metrics = [...told.metrics]
  const devLosses = new Map(metrics.map(({ step, valid_loss }) => [step, valid_loss]))
  let stateKey = job.stateKey
  let totalSteps = 0
  let startedAt = 0 // ms

  return async (moment) => {
    if (moment.type === 'start') {
      totalSteps = moment.steps
      startedAt = Date.now()
    }
    if (moment.type === 'step' || moment.type === 'eval') checkFinite(moment)
    if (isTold(moment)) return (await advance(db, ours, same)) !== undefined
    if (moment.type === 'eval') devLosses.set(moment.step, moment.loss)
    const events = eventsOf(moment, totalSteps)
    metrics.push(...events.flatMap(({ data }) => data ?? []))

    switch (moment.type) {
      case 'start':
        return (
          (await advance(db, ours, same, events, (tx) => noteTruncations(tx, job, moment.truncated))) !==
          undefined
        )
      case 'quantize':
      case 'split':
      case 'eval':
        return (await advance(db, ours, same, events)) !== undefined
      case 'step':
        return (await advance(db, ours, { estimatedFinish: estimate(moment.step) }, events)) !== undefined
      case 'checkpoint':
        return keepCheckpoint(moment)
      case 'state':
        return keepState(moment)
      case 'end':
        return finish(moment)
    }
  }

  function isTold(moment: TrainEvent): boolean {
    if (moment.type === 'step') return moment.step <= told.step
    if (moment.type === 'eval') return told.evaluations.has(moment.step)
    return moment.type === 'checkpoint' && told.checkpoints.has(moment.step)
  }

  /** Only once the row names a state is the one before it no longer needed. */
  async function keepState({ step, state }: Moment<'state'>): Promise<boolean> {
    const key = `${statesKey(job)}/${job.attempt}-${step}`
    const patch = { stateKey: key, stateStep: step, stalls: 0 }
    const kept = await stored(key, state, () => advance(db, ours, patch))
    if (kept && stateKey) await store.delete(stateKey)
    if (kept) stateKey = key
    return kept
  }

  function estimate(step: number): Date {
    const perStep = (Date.now() - startedAt) / (step - (job.stateStep ?? 0)) // ms, evaluations included
    return new Date(Date.now() + perStep * (totalSteps - step))
  }

  async function keepCheckpoint(moment: Moment<'checkpoint'>): Promise<boolean> {
    const { step } = moment
    const key = objectKey(`step-${step}`)
    const known = Object.assign({ step, total_steps: totalSteps }, ...metrics.filter((m) => m.step === step))
    const checkpoint = {
      id: newId('checkpoint'),
      jobId: job.id,
      stepNumber: step,
      metrics: known,
      objectKey: key,
    }
    return stored(key, moment.files, () =>
      advance(db, ours, same, eventsOf(moment, totalSteps), async (tx) => {
        await tx.insert(jobCheckpoints).values(checkpoint)
        await addModel(tx, checkpointModelId(job, step), key, moment.files)
        await announce(tx, job.project, 'preamble.job.checkpoint', job.id)
      }),
    )
  }

  async function finish({ step, trainedTokens, curve, files: adapter }: Moment<'end'>): Promise<boolean> {
    const key = objectKey('final')
    const model = modelId(job)
    const results = await storeResults(store, curve, metrics)
    const [base, tuned] = [devLosses.get(0), devLosses.get(step)]
    const patch: Patch = {
      status: 'succeeded',
      finishedAt: new Date(),
      estimatedFinish: null,
      fineTunedModel: model,
      trainedTokens,
      resultFiles: [results.id],
      devLoss: base !== undefined && tuned !== undefined ? { base, tuned } : null,
    }
    const told = [say(`New fine-tuned model created: ${model}`), say('The job has successfully completed')]
    const done = await stored(key, adapter, () =>
      advance(db, ours, patch, told, async (tx) => {
        await tx.insert(files).values({ project: job.project, ...results })
        await addModel(tx, model, key, adapter)
      }),
    )
    if (!done) await store.delete(results.objectKey)
    return done
  }

  /** Stores an adapter's files and then makes `change`; takes them back when that does nothing. */
  async function stored(
    key: string,
    adapter: AdapterFiles,
    change: () => Promise<unknown>,
  ): Promise<boolean> {
    for (const [name, bytes] of Object.entries(adapter)) await store.putBytes(`${key}/${name}`, bytes)
    const done = (await change()) !== undefined
    if (!done) await store.delete(key)
    return done
  }

  async function addModel(tx: Transaction, model: string, key: string, adapter: AdapterFiles): Promise<void> {
    const bytes = Object.values(adapter).reduce((sum, { length }) => sum + length, 0)
    const tensors = adapter[tensorFile]
    const hash = tensors && adapterHash(tensors)
    const of = { project: job.project, base: job.model, peftType: job.peft.peft_type, jobId: job.id }
    await tx.insert(adapters).values({ model, ...of, bytes, hash, objectKey: key, trace: tracePlace() })
  }
}

/** A loss that is no number stays one: there is no use in going on. */
function checkFinite({ type, step, loss }: Moment<'step' | 'eval'>): void {
  if (Number.isFinite(loss)) return
  const which = type === 'step' ? 'training' : 'dev'
  const message = `the ${which} loss is ${loss} at step ${step}: the training diverged; use a lower learning_rate`
  throw new JobFailure('training_diverged', message, { param: 'training_args.learning_rate' })
}
