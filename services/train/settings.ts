import { Hyperparameters, type JobRequest } from '../../contract/job.ts'
import type { TrainingArgs } from '../../contract/training-args.ts'
import { defaultTrainingArgs } from './defaults.ts'

/**
 * What a request asks for, in full. `training_args` is more precise than OpenAI's `hyperparameters` and goes
 * before them; both go before the defaults.
 */
export function settingsOf(request: JobRequest): { hyperparameters: Hyperparameters; args: TrainingArgs } {
  const hyperparameters =
    request.hyperparameters ?? request.method?.supervised.hyperparameters ?? Hyperparameters.parse({})
  const defaults = defaultTrainingArgs(request.peft)
  const args = {
    ...defaults,
    ...fromHyperparameters(hyperparameters, defaults),
    ...given(request.training_args),
  }
  // Whoever asks for epochs means epochs, also where the default counts steps.
  if (request.training_args.num_train_epochs !== undefined && request.training_args.max_steps === undefined) {
    args.max_steps = -1
  }
  return { hyperparameters, args: { ...args, seed: request.seed ?? args.seed } }
}

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
