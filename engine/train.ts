import { createHash } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import { type Bindable, bare } from './adapters/adapter.ts'
import type { AdapterFiles } from './adapters/adapter-files.ts'
import { openAdapter, type Tuning } from './adapters/open.ts'
import type { Binding } from './models/model.ts'
import { openModel } from './models/open.ts'
import { learningRateAt } from './optim/schedule.ts'
import { openBase, prepacks } from './plan/base-form.ts'
import { accumulationOf, machineMemory, type Plan, planAgain, planRun } from './plan/plan.ts'
import { type Device, openDevice } from './runtime/device.ts'
import { loadChat } from './text/chat.ts'
import { endlessBatches } from './training/batch.ts'
import { bestOf, isWaitOver } from './training/best.ts'
import type { Conversations } from './training/conversations.ts'
import type { Curve } from './training/curve.ts'
import { DevSet, type Evaluation } from './training/dev-set.ts'
import { Evaluator } from './training/evaluator.ts'
import { groupOf, type Place } from './training/group.ts'
import { Meter } from './training/meter.ts'
import { type Cut, sampleSets } from './training/sample-sets.ts'
import { encodeState, planIn, restoreState } from './training/state.ts'
import { Trainer } from './training/trainer.ts'
import { stepsOf, type TrainingArgs } from './training/training-args.ts'
import { openCheckpoint } from './weights/checkpoint.ts'

/** How often a state is told where no checkpoint is. */
const stateMs = 60_000

export type TrainRun = {
  /** A Hugging Face directory. */
  base: string
  /** What the base is called in the adapter's files; the directory when absent. */
  baseName?: string
  train: Conversations
  dev: Conversations
  method: Tuning
  args: TrainingArgs
  /** The CPU by default. */
  device?: Device
  /** Bytes that the run may take; most of what there is by default. */
  memory?: number
  /** A directory that keeps quantised weights of bases; without one, no base is quantised. */
  cache?: string
  /** The state of the same run at some step, to go on from there. */
  resume?: TrainingState
}

/** Files that hold what a run needs to go on, small: nothing of the base is in them. */
export type TrainingState = AdapterFiles

export type TrainEvent =
  | {
      type: 'start'
      /** Optimizer steps to come. */
      steps: number
      trainSamples: number
      devSamples: number
      trainableParameters: number
      /** Samples cut to fit: which, their length and the limit, in tokens. */
      truncated: Cut[]
      /** How it is trained so that it fits into memory. */
      plan: Plan
    }
  /** The base is quantised, which is done once: weights done of all. */
  | { type: 'quantize'; done: number; total: number }
  /** There was not memory enough for `step`: it is taken again, and those after it, with fewer samples at a time. */
  | { type: 'split'; step: number; microBatch: number; accumulation: number }
  | {
      type: 'step'
      step: number
      /** Mean cross-entropy over labelled tokens, in nats, since the last `step` event. */
      loss: number
      learningRate: number
      /** Joint norm of the gradient before clipping. */
      gradNorm: number
      /** Tokens trained on so far, padding aside. */
      tokens: number
      /** Since the last `step` event, without the time that evaluations and the reader took. */
      tokensPerSecond: number
    }
  /** Of the dev set. Step 0 is the base without any adapter. */
  | ({ type: 'eval'; step: number; ms: number } & Evaluation)
  /** Every `save_steps`; at the end, of the best and the last step the one that `end` does not have. */
  | { type: 'checkpoint'; step: number; files: AdapterFiles }
  /**
   * At every checkpoint, once a minute, and where the run is paused: from here it can be taken up with the same losses to
   * the last digit.
   */
  | { type: 'state'; step: number; state: TrainingState }
  | {
      type: 'end'
      /** Of which step the files are: the last, or the best when `load_best_model_at_end`. */
      step: number
      /** The last step, and whether there would have been more, had an evaluation been better. */
      last: number
      stoppedEarly: boolean
      trainedTokens: number
      /** All steps from the first to the last one. */
      curve: Curve
      files: AdapterFiles
    }

/**
 * Trains an adapter and tells what happens. The same run gives the same losses and the same files.
 * One that goes on from a state tells what the whole run would have told after its step.
 * A run that diverges goes on, with losses that are no numbers: who reads them decides.
 * @throws InputError when the data or the settings cannot be used, an Error that names the file when the base cannot,
 * an AbortError when `signal` says to stop; when `pause` does, the run ends after its step with a `state`
 * @param place in a group that runs its batches; by themselves by default
 */
export async function* train(
  run: TrainRun,
  signal?: AbortSignal,
  pause?: AbortSignal,
  place: Place = groupOf(1)[0]!,
): AsyncGenerator<TrainEvent, void, void> {
  await using held = place
  const { args, device = 'cpu' } = run
  await using _ = await openDevice(device)
  const model = openModel(run.base)
  const checkpoint = openCheckpoint(run.base)
  const adapter = await openAdapter(run, model, checkpoint)
  const chat = loadChat(run.base)
  const room = model.maxPositions - adapter.firstPosition
  using sets = await sampleSets({ ...run, chat }, room, signal)
  const { train, dev, longest, trainSamples, truncated } = sets
  const devSamples = dev.lengths.length
  const parameters = adapter.init(args.seed)
  const { steps, schedule } = stepsOf(args, train.lengths.length)
  const trainableParameters = [...parameters.values()].reduce((n, p) => n + p.data.length, 0)
  const planned = {
    ...{ model, checkpoint, adapter, args, longest, method: run.method },
    labelled: sets.labelled,
    available: run.memory ?? machineMemory(),
    mayQuantize: run.cache !== undefined,
    members: held.of,
  }
  const plan = run.resume ? planAgain(planIn(run.resume), planned) : planRun(planned)
  yield {
    type: 'start',
    steps,
    trainSamples,
    devSamples,
    trainableParameters,
    truncated,
    plan,
  }

  const base = yield* frozenBase(openBase(model, checkpoint, plan.form, run.cache), held, signal)
  const measured = { model, base, chat, dev, args }
  const evaluatorOf = (adapter: Bindable, kind: string) =>
    held.things.use(`${kind} on ${plan.form}`, () => Evaluator.open(model, base, adapter, device))
  if (devSamples > 0 && !run.resume) {
    await using bareBase = await DevSet.open(measured, bare, await evaluatorOf(bare, 'nothing'))
    yield { type: 'eval', step: 0, ...(await timed(() => bareBase.measure(new Map(), signal))) }
  }

  const optimizer = {
    beta1: args.adam_beta1,
    beta2: args.adam_beta2,
    epsilon: args.adam_epsilon,
    weightDecay: args.weight_decay,
  }
  const { seed } = args
  const setup = {
    model,
    seed,
    device,
    base,
    form: plan.form,
    adapter,
    parameters,
    optimizer,
    maxGradNorm: args.max_grad_norm,
    longest,
    packed: args.packing,
    checkpointing: plan.checkpointing,
    microBatch: plan.microBatch,
    together: plan.together,
    prepack: prepacks(plan.form),
  }
  await using trainer = await Trainer.open(setup, held)
  await using devSet =
    devSamples > 0
      ? await DevSet.open(measured, adapter, await evaluatorOf(adapter, JSON.stringify(run.method)))
      : undefined
  const { moments } = trainer.optimizer
  const identity = identityOf(run, sets.hash)
  const resumed = run.resume && restoreState(run.resume, identity, { parameters, moments })
  const begin = resumed?.step ?? 0
  trainer.optimizer.steps = begin
  const batches = endlessBatches(train.lengths, args)
  for (let i = 0; i < begin * args.gradient_accumulation_steps; i++) batches.next()
  const meter = new Meter(resumed?.meter)
  const due = (every: number, step: number) => step === steps || (every > 0 && step % every === 0)
  const saved = (step: number) => args.save_steps > 0 && step % args.save_steps === 0 && step < steps
  let best = resumed?.best
  let last = steps
  let stateAt = performance.now()

  for (let step = begin + 1; step <= steps; step++) {
    signal?.throwIfAborted()
    const learningRate = learningRateAt(schedule, step - 1)
    const batch = Array.from({ length: args.gradient_accumulation_steps }, () =>
      batches.next().value.map(train.at),
    )
    const { microBatch } = trainer
    const result = await trainer.step(batch, learningRate)
    if (trainer.microBatch < microBatch) {
      Object.assign(plan, {
        microBatch: trainer.microBatch,
        accumulation: accumulationOf(args, trainer.microBatch),
      })
      yield { type: 'split', step, microBatch: plan.microBatch, accumulation: plan.accumulation }
    }
    meter.add(result, learningRate)
    const told = due(args.logging_steps, step)
    if (told) yield { type: 'step', step, learningRate, ...meter.read() }
    if (devSet && due(args.eval_steps, step)) {
      await trainer.optimizer.sync()
      const { ms, ...evaluation } = await timed(() => devSet.measure(parameters, signal))
      yield { type: 'eval', step, ms, ...evaluation }
      best = bestOf(best, { step, evaluation, parameters }, args)
      if (step < steps && isWaitOver(best, args)) {
        if (!told) yield { type: 'step', step, learningRate, ...meter.read() }
        last = step
        break
      }
    }
    if (saved(step)) {
      await trainer.optimizer.sync()
      yield { type: 'checkpoint', step, files: await adapter.files(parameters) }
    }
    if (step < steps && (saved(step) || pause?.aborted || performance.now() - stateAt > stateMs)) {
      await trainer.optimizer.sync()
      yield {
        type: 'state',
        step,
        state: encodeState(identity, step, { plan, parameters, moments, meter, best }),
      }
      stateAt = performance.now()
      if (pause?.aborted) return
    }
  }

  await trainer.optimizer.sync()
  const kept = [{ step: last, parameters }, ...(best && best.step !== last ? [best] : [])]
  const [final, other] = args.load_best_model_at_end ? kept.toReversed() : kept
  if (other && (other.step === last || !saved(other.step)))
    yield { type: 'checkpoint', step: other.step, files: await adapter.files(other.parameters) }
  const files = await adapter.files(final!.parameters)
  const stoppedEarly = last < steps
  const { total: trainedTokens, curve } = meter
  yield { type: 'end', step: final!.step, last, stoppedEarly, trainedTokens, curve, files }
}

/** The base, once it is quantised; of a group, one does that, and the others find it done. */
async function* frozenBase(
  opening: ReturnType<typeof openBase>,
  { turns }: Place,
  signal?: AbortSignal,
): AsyncGenerator<TrainEvent, Binding, void> {
  using _ = await turns.next()
  let opened = opening.next()
  for (; !opened.done; opened = opening.next()) {
    yield { type: 'quantize', ...opened.value }
    await immediate() // lets a stop come through
    signal?.throwIfAborted()
  }
  return opened.value
}

/** What `measure` finds, and the ms that it takes. */
async function timed(measure: () => Promise<Evaluation>): Promise<Evaluation & { ms: number }> {
  const since = performance.now()
  const evaluation = await measure()
  return { ...evaluation, ms: performance.now() - since }
}

/** What decides how a run goes, as a hash. */
const identityOf = ({ method, args }: TrainRun, data: string): string =>
  createHash('sha256')
    .update(JSON.stringify([method, args, data]))
    .digest('hex')
