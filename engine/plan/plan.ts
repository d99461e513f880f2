/** How a run is to be trained so that it fits into memory: chosen before its first step. */
import { totalmem } from 'node:os'
import type { Bindable } from '../adapters/adapter.ts'
import type { Tuning } from '../adapters/open.ts'
import { InputError } from '../errors.ts'
import type { Checkpointing } from '../grad/checkpoint.ts'
import type { Model } from '../models/model.ts'
import type { TrainingArgs } from '../training/training-args.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { type BaseForm, baseForms, quantizationOf, suits } from './base-form.ts'
import { type Memory, memoryOf, type Setting } from './memory.ts'

export type Plan = {
  form: BaseForm
  checkpointing: Checkpointing
  /** Samples at a time. Gradients are summed up to the batch that was asked for. */
  microBatch: number
  /** Micro-batches of an optimizer step. */
  accumulation: number
  /** Runs whose micro-batches are one batch, this one included: 1 where it is trained alone, or memory suffices for no more. */
  together: number
  /** What it is expected to take, and what there is, in bytes. */
  memory: Memory
  available: number
}

export type PlanRequest = {
  model: Model
  checkpoint: Checkpoint
  adapter: Bindable
  method: Tuning
  args: Pick<
    TrainingArgs,
    | ('per_device_train_batch_size' | 'gradient_accumulation_steps')
    | ('quantization_bit' | 'gradient_checkpointing')
  >
  /** The longest sample, and the most labelled tokens in one. */
  longest: number
  labelled: number
  /** Bytes. */
  available: number
  /** Whether there is a place to keep quantised weights. */
  mayQuantize: boolean
  /** Runs in its group; each is taken to be like this one. */
  members?: number
}

/** Most of what the machine, or the container, has: others live there too. */
export function machineMemory(): number {
  const limit = process.constrainedMemory() // 0: none
  return 0.9 * (limit > 0 ? Math.min(limit, totalmem()) : totalmem())
}

/**
 * The first plan that fits. What changes the numbers least comes first: the base as it is stored before 8 bits before 4;
 * then what costs the least time: selective checkpointing and smaller micro-batches before full checkpointing.
 * @throws an InputError with both numbers when nothing fits
 */
export function planRun(request: PlanRequest): Plan {
  const { args, available, method } = request
  if (method.peft_type === 'FULL' && args.quantization_bit)
    throw new InputError(
      'invalid_training_data',
      `quantization_bit ${args.quantization_bit} is for a frozen base; FULL trains all weights`,
    )
  let smallest: Plan | undefined
  for (const form of formsFor(request))
    for (const checkpointing of levelsFor(args)) {
      const planOf = planner(request, { form, checkpointing })
      for (const size of sizes(args.per_device_train_batch_size, request.members ?? 1)) {
        const plan = planOf(size)
        if (plan.memory.total <= available) return plan
        if (!smallest || plan.memory.total < smallest.memory.total) smallest = plan
      }
    }
  throw tooLarge(smallest!)
}

/**
 * The plan that a run began with, for the group that it is in now: what decides its numbers stays as it was, and as many
 * runs share a batch as fit.
 */
export function planAgain(begun: Omit<Plan, 'together'>, request: PlanRequest): Plan {
  const planOf = planner(request, begun)
  const { microBatch } = begun
  const plans = halvings(request.members ?? 1).map((together) => planOf({ microBatch, together }))
  return plans.find(({ memory, available }) => memory.total <= available) ?? plans.at(-1)!
}

type Size = Pick<Plan, 'microBatch' | 'together'>

function planner({ args, available, longest, labelled, members, ...request }: PlanRequest, setting: Setting) {
  const { form, checkpointing } = setting
  const memory = memoryOf(request.model, request.checkpoint, request.adapter, setting)
  return ({ microBatch, together }: Size): Plan => {
    const rows = together * microBatch
    return {
      ...{ form, checkpointing, microBatch, together, available },
      accumulation: accumulationOf(args, microBatch),
      memory: memory({ rows, longest, labelled: rows * labelled, members }),
    }
  }
}

/** Micro-batches of a step when each has `microBatch` samples at most. */
export const accumulationOf = (
  args: Pick<TrainingArgs, 'per_device_train_batch_size' | 'gradient_accumulation_steps'>,
  microBatch: number,
): number => args.gradient_accumulation_steps * Math.ceil(args.per_device_train_batch_size / microBatch)

function formsFor({ args, checkpoint, method, ...request }: PlanRequest): BaseForm[] {
  const { quantization_bit: bits } = args
  const mayQuantize = request.mayQuantize && method.peft_type !== 'FULL'
  return baseForms.filter((form) => {
    const quantization = quantizationOf(form)
    const asked = bits === undefined || bits === (quantization?.bits ?? 0)
    return asked && suits(form, checkpoint) && (mayQuantize || !quantization)
  })
}

const levelsFor = ({ gradient_checkpointing: asked }: PlanRequest['args']): Checkpointing[] =>
  asked ? [asked] : ['selective', 'full']

/** Fewer samples of each run at a time, and when that is one, of fewer runs. */
const sizes = (batch: number, members: number): Size[] => [
  ...halvings(batch).map((microBatch) => ({ microBatch, together: members })),
  ...halvings(members)
    .slice(1)
    .map((together) => ({ microBatch: 1, together })),
]

/** n, n/2 and so on down to 1, rounded up. */
function halvings(n: number): number[] {
  return n === 1 ? [1] : [n, ...halvings(Math.ceil(n / 2))]
}

function tooLarge({ form, checkpointing, microBatch, memory, available }: Plan): InputError {
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  return new InputError(
    'invalid_training_data',
    `the run needs ${gib(memory.total)} at least (base ${form}, checkpointing ${checkpointing}, ` +
      `${microBatch} sample at a time), and there are ${gib(available)}: ` +
      'lower max_input_length or max_output_length, or leave quantization_bit and gradient_checkpointing to the plan',
  )
}
