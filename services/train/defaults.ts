/** How a job trains where its request says nothing; the one place for these numbers. */
import type { Peft } from '../../contract/peft.ts'
import type { TrainingArgs } from '../../contract/training-args.ts'

export const defaultTrainingArgs = (peft: Peft): TrainingArgs => ({
  max_input_length: 256,
  max_output_length: 512,
  // Some sixty epochs of the sample corpus; a large corpus should have its own number of epochs.
  max_steps: 800,
  num_train_epochs: 3,
  per_device_train_batch_size: 4,
  per_device_eval_batch_size: 16,
  gradient_accumulation_steps: 1,
  learning_rate: learningRateOf(peft),
  lr_scheduler_type: 'linear',
  warmup_steps: 0,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  logging_steps: 10,
  eval_steps: 100,
  save_steps: 0,
  predict_with_generate: false,
  generation_max_new_tokens: 512,
  load_best_model_at_end: false,
  metric_for_best_model: 'loss',
  early_stopping_patience: 0,
  early_stopping_threshold: 0,
  group_by_length: false,
  packing: false,
  seed: 42,
})

/** Tried on preamble-tiny, which takes more than a large base does. */
function learningRateOf(peft: Peft): number {
  switch (peft.peft_type) {
    // Random prefixes need far more than the 5e-5 of ChatGLM3's file; for a large base ChatGLM2's 2e-2 is the published
    // value. The MLP of a projected prefix takes far less than the rows themselves.
    case 'PREFIX_TUNING':
      return peft.prefix_projection ? 5e-3 : 1e-1
    case 'LORA':
      return 5e-3
    case 'FULL':
      return 1e-3
  }
}
