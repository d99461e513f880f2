import { Hyperparameters, type PlanRequest } from '../../contract/job.ts'
import { Peft } from '../../contract/peft.ts'
import type { TrainingArgs } from '../../contract/training-args.ts'
import { defaultTrainingArgs } from './defaults.ts'
import { readFinetuneConfig } from './finetune-config.ts'

export type Settings = {
  hyperparameters: Hyperparameters
  peft: Peft
  args: TrainingArgs
  /** What was asked for and changes nothing. */
  warnings: string[]
}

/**
 * What a request asks for, in full. The more precise goes before: `training_args`, then the config file, then OpenAI's
 * `hyperparameters`, then the defaults.
 * @throws ApiError when its config cannot be used
 */
export function settingsOf(request: PlanRequest): Settings {
  const hyperparameters =
    request.hyperparameters ?? request.method?.supervised.hyperparameters ?? Hyperparameters.parse({})
  const config = request.config === undefined ? undefined : readFinetuneConfig(request.config)
  const peft = config?.peft ?? request.peft ?? Peft.parse({})
  const defaults = { ...defaultTrainingArgs(peft), ...config?.defaults }
  const args = {
    ...defaults,
    ...fromHyperparameters(hyperparameters, defaults),
    ...config?.args,
    ...given(request.training_args),
  }
  // Whoever asks for epochs means epochs, also where the default counts steps.
  if (request.training_args.num_train_epochs !== undefined && request.training_args.max_steps === undefined) {
    args.max_steps = -1
  }
  const seed = request.seed ?? args.seed
  const warnings = [...(config?.warnings ?? []), ...warningsOf(peft, args)]
  return { hyperparameters, peft, args: { ...args, seed }, warnings }
}

const warningsOf = (peft: Peft, { train_together }: TrainingArgs): string[] =>
  train_together && peft.peft_type !== 'PREFIX_TUNING'
    ? [`train_together is for PREFIX_TUNING; a job of ${peft.peft_type} trains alone`]
    : []

function fromHyperparameters(asked: Hyperparameters, defaults: TrainingArgs): Partial<TrainingArgs> {
  const { n_epochs, batch_size, learning_rate_multiplier } = asked
  return {
    ...(n_epochs !== 'auto' && { num_train_epochs: n_epochs, max_steps: -1 }),
    ...(batch_size !== 'auto' && { per_device_train_batch_size: batch_size }),
    ...(learning_rate_multiplier !== 'auto' && {
      learning_rate: defaults.learning_rate * learning_rate_multiplier,
    }),
  }
}

/** Without the fields that are undefined: they must not hide a default. */
const given = (args: Partial<TrainingArgs>): Partial<TrainingArgs> =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined))
