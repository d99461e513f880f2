/** How to train; the names are transformers' and ChatGLM3's `ptuning_v2.yaml`. */
import { z } from 'zod'
import { Device } from './device.ts'

const count = z.int().min(1)
const everySteps = z.int().min(0) // 0: only at the end
const fraction = z.number().min(0).lt(1)

const metrics = ['loss', 'accuracy', 'bleu-4', 'rouge-1', 'rouge-2', 'rouge-l'] as const
const evaluationMetric = z.enum([...metrics, ...metrics.map((name) => `eval_${name}` as const)])

export const TrainingArgs = z
  .strictObject({
    max_input_length: count,
    max_output_length: count,
    /** Optimizer steps; when it is not positive, `num_train_epochs` decides. */
    max_steps: z.int().min(-1),
    num_train_epochs: z.number().gt(0),
    per_device_train_batch_size: count,
    per_device_eval_batch_size: count,
    gradient_accumulation_steps: count,
    learning_rate: z.number().gt(0),
    lr_scheduler_type: z.enum(['linear', 'cosine', 'constant']),
    warmup_steps: z.int().min(0),
    weight_decay: z.number().min(0),
    adam_beta1: fraction,
    adam_beta2: fraction,
    adam_epsilon: z.number().gt(0),
    max_grad_norm: z.number().min(0),
    logging_steps: everySteps,
    eval_steps: everySteps,
    save_steps: everySteps,
    /** Let evaluations score greedy replies too: BLEU-4 and ROUGE. */
    predict_with_generate: z.boolean(),
    generation_max_new_tokens: count,
    load_best_model_at_end: z.boolean(),
    metric_for_best_model: evaluationMetric,
    /** Evaluations without a better one after which a job ends; 0: it does not. */
    early_stopping_patience: z.int().min(0),
    early_stopping_threshold: z.number().min(0),
    group_by_length: z.boolean(),
    /** Short samples share rows, and none sees another; a batch is that many rows. */
    packing: z.boolean(),
    /** Prefixes on one base that all ask for it are trained at the same time, as rows of one batch; alone when absent. */
    train_together: z.boolean().optional(),
    /** Bits of the base's weights, 0 for as they are stored; what fits into memory when absent. */
    quantization_bit: z.union([z.literal(0), z.literal(4), z.literal(8)]).optional(),
    /** What is computed again on the way back; what fits into memory when absent. */
    gradient_checkpointing: z.enum(['none', 'selective', 'full']).optional(),
    seed: z.int().min(0).max(0xffffffff),
    /** The worker's own (`PREAMBLE_DEVICE`) when absent. */
    device: Device.optional(),
  })
  .meta({ id: 'TrainingArgs' })
export type TrainingArgs = z.infer<typeof TrainingArgs>
