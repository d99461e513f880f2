import { sketchAdapter, type Tuning } from '../adapters/open.ts'
import { openModel } from '../models/open.ts'
import type { TrainingArgs } from '../training/training-args.ts'
import { openCheckpoint } from '../weights/checkpoint.ts'
import { machineMemory, type Plan, planRun } from './plan.ts'

export type PlanTrainingRequest = {
  /** A Hugging Face directory. */
  base: string
  method: Tuning
  args: TrainingArgs
  /** Bytes that the run may take; most of what there is by default. */
  memory?: number
}

/**
 * Yields the plan of a run whose samples are as long as its limits allow; nothing is opened but headers.
 * @throws InputError when the settings do not fit the base, or the run does not fit into memory
 */
export async function* planTraining(request: PlanTrainingRequest): AsyncGenerator<Plan, void, void> {
  const { base, method, args, memory } = request
  const model = openModel(base)
  const checkpoint = openCheckpoint(base)
  const longest = args.max_input_length + args.max_output_length
  yield planRun({
    ...{ model, checkpoint, args, method },
    adapter: sketchAdapter(request, model, checkpoint),
    longest,
    labelled: args.packing ? longest : args.max_output_length, // of the replies in a packed row no limit is known
    available: memory ?? machineMemory(),
    mayQuantize: true,
  })
}
