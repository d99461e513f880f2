import type { AdapterFiles } from './adapters/peft.ts'
import type { Conversation } from './text/sample.ts'

/** P-Tuning v2: trainable key and value rows before every layer; the names are PEFT's. */
export type PrefixTuning = {
  peft_type: 'PREFIX_TUNING'
  num_virtual_tokens: number
  /** Trains an embedding through a two-layer MLP (tanh) instead of the rows themselves. */
  prefix_projection: boolean
  /** Width of that MLP; the base's hidden size when absent. */
  encoder_hidden_size?: number
  /** Standard deviation of the random initial rows. PEFT uses 1. */
  init_std?: number
}

/** Every weight of the base is trained; what pre-trains `preamble-tiny`. */
export type FullTuning = { peft_type: 'FULL' }

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
  /** Global gradient norm above which gradients are scaled down; 0 turns clipping off. */
  max_grad_norm: number
  /** Steps between `step`, `eval` and `checkpoint` events; 0 means only at the end. */
  logging_steps: number
  eval_steps: number
  save_steps: number
  /** Keep the weights of the evaluation with the lowest dev loss, as transformers does. */
  load_best_model_at_end: boolean
  /** Batches of samples of similar length: less padding. */
  group_by_length: boolean
  seed: number
}

export type TrainRun = {
  /** A Hugging Face directory. */
  base: string
  train: readonly Conversation[]
  dev: readonly Conversation[]
  method: PrefixTuning | FullTuning
  args: TrainingArgs
}

export type TrainEvent =
  | {
      type: 'start'
      /** Optimizer steps to come. */
      steps: number
      trainSamples: number
      devSamples: number
      trainableParameters: number
      /** Samples cut to fit: which, their length and the limit, in tokens. */
      truncated: { set: 'train' | 'dev'; index: number; tokens: number; limit: number }[]
    }
  | {
      type: 'step'
      step: number
      /** Mean cross-entropy over labelled tokens, in nats, since the last `step` event. */
      loss: number
      learningRate: number
      /** Global norm of the gradient before clipping. */
      gradNorm: number
      /** Tokens seen by the network so far, padding aside, and the rate since the last event. */
      tokens: number
      tokensPerSecond: number
    }
  /** Mean dev cross-entropy per labelled token. Step 0 is the base without any adapter. */
  | { type: 'eval'; step: number; loss: number }
  | { type: 'checkpoint'; step: number; files: AdapterFiles }
  | {
      type: 'end'
      /** Of which step the files are: the last, or the best when `load_best_model_at_end`. */
      step: number
      trainedTokens: number
      files: AdapterFiles
    }
