/** How a job trains where its request says nothing; the one place for these numbers. */
import type { TrainingArgs } from '../../contract/training-args.ts'

export const defaultTrainingArgs: TrainingArgs = {
  max_input_length: 256,
  max_output_length: 512,
  max_steps: -1,
  num_train_epochs: 30,
  per_device_train_batch_size: 4,
  per_device_eval_batch_size: 16,
  gradient_accumulation_steps: 1,
  // Random prefixes need far more than the 5e-5 of ChatGLM3's file; its P-Tuning scripts used 2e-2.
  learning_rate: 2e-2,
  lr_scheduler_type: 'linear',
  warmup_steps: 0,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  logging_steps: 5,
  eval_steps: 50,
  save_steps: 0,
  load_best_model_at_end: true,
  group_by_length: false,
  seed: 42,
}
