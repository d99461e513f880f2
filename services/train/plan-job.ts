import { ApiError } from '../../contract/errors.ts'
import type { Plan, PlanRequest } from '../../contract/job.ts'
import type { EngineThread } from '../../engine/index.ts'
import type { BaseModels } from '../../infra/base-models.ts'
import { findBase } from './create-job.ts'
import { settingsOf } from './settings.ts'

export type PlanDeps = {
  bases: BaseModels
  engine: Pick<EngineThread, 'plan'>
  /** Bytes that a job may take; most of what the machine has when absent. */
  memory?: number
}

/**
 * How a job with these settings would be trained here.
 * @throws ApiError when there is no such base, the settings cannot be used, or the job would not fit into memory
 */
export async function planJob({ bases, engine, memory }: PlanDeps, request: PlanRequest): Promise<Plan> {
  const base = await findBase(bases, request.model)
  const { peft, args } = settingsOf(request)
  try {
    const plan = await engine.plan({ base: await base.directory(), method: peft, args, memory })
    return {
      object: 'fine_tuning.plan',
      model: request.model,
      peft_type: peft.peft_type,
      base: plan.form,
      gradient_checkpointing: plan.checkpointing,
      micro_batch: plan.microBatch,
      accumulation: plan.accumulation,
      tokens: args.max_input_length + args.max_output_length,
      memory: rounded(plan.memory),
      available: Math.floor(plan.available),
    }
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown }
    if (code === 'invalid_training_data') throw new ApiError('invalid_value', message, { cause: error })
    throw error
  }
}

const rounded = <K extends string>(sizes: Record<K, number>) =>
  Object.fromEntries(Object.entries<number>(sizes).map(([part, size]) => [part, Math.round(size)])) as Record<
    K,
    number
  >
