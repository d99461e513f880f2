import type { Checkpointing } from '../grad/checkpoint.ts'
import type { Schedule } from '../optim/schedule.ts'
import type { Evaluation } from './dev-set.ts'

/** How to train; the names are transformers' and ChatGLM3's `ptuning_v2.yaml`. */
export type TrainingArgs = {
  /** Tokens of prompt and of reply; together the longest sample. */
  max_input_length: number
  max_output_length: number
  /** Optimizer steps; when it is not positive, `num_train_epochs` decides. */
  max_steps: number
  num_train_epochs: number
  per_device_train_batch_size: number
  per_device_eval_batch_size: number
  gradient_accumulation_steps: number
  learning_rate: number
  lr_scheduler_type: 'linear' | 'cosine' | 'constant'
  warmup_steps: number
  weight_decay: number
  adam_beta1: number
  adam_beta2: number
  adam_epsilon: number
  /** Joint gradient norm above which gradients are scaled down; 0 turns clipping off. */
  max_grad_norm: number
  /** Steps between `step`, `eval` and `checkpoint` events; 0 means only at the end. */
  logging_steps: number
  eval_steps: number
  save_steps: number
  /** Let every evaluation score greedy replies too, of this many tokens at most. */
  predict_with_generate: boolean
  generation_max_new_tokens: number
  /** Give the weights of the best evaluation instead of the last ones. */
  load_best_model_at_end: boolean
  /** By what an evaluation is the best: the lowest loss, or the highest of another. Both ways of naming it are the same. */
  metric_for_best_model: keyof Evaluation | `eval_${keyof Evaluation}`
  /** Evaluations in a row that may pass without one better by more than the threshold; 0: any number. */
  early_stopping_patience: number
  early_stopping_threshold: number
  /** Batches of samples of similar length: less padding. */
  group_by_length: boolean
  /**
   * Short samples share rows of up to `max_input_length` + `max_output_length` tokens, and none sees another. A batch then
   * is that many rows, as TRL's: more samples to a step, and fewer steps to an epoch.
   */
  packing: boolean
  /** Bits of the base's weights: 4, 8, or 0 for as they are stored; what fits into memory when absent. */
  quantization_bit?: 0 | 4 | 8
  /** What of the forward pass is computed again on the way back; what fits into memory when absent. */
  gradient_checkpointing?: Checkpointing
  seed: number
}

/**
 * How many optimizer steps a run takes, and their learning rates.
 * @param samples how many there are, or packed rows
 */
export function stepsOf(args: TrainingArgs, samples: number): { steps: number; schedule: Schedule } {
  const perEpoch = Math.ceil(samples / args.per_device_train_batch_size)
  const epochs = Math.ceil((args.num_train_epochs * perEpoch) / args.gradient_accumulation_steps)
  const steps = args.max_steps > 0 ? args.max_steps : epochs
  const { lr_scheduler_type: type, learning_rate: learningRate, warmup_steps: warmupSteps } = args
  return { steps, schedule: { type, learningRate, warmupSteps, steps } }
}
