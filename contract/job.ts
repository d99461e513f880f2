/** Fine-tuning jobs: OpenAI's objects, with `peft` and `training_args` beside them. */
import { z } from 'zod'
import { idOf } from './ids.ts'
import { orNull } from './or-null.ts'
import { PageQuery } from './page.ts'
import { Peft } from './peft.ts'
import { TrainingArgs } from './training-args.ts'

const auto = z.literal('auto')

export const Hyperparameters = z
  .strictObject({
    n_epochs: z.union([auto, z.int().min(1).max(1000)]).default('auto'),
    batch_size: z.union([auto, z.int().min(1).max(256)]).default('auto'),
    /** Bounded so that no learning rate becomes 0 or infinite by it. */
    learning_rate_multiplier: z.union([auto, z.number().min(1e-6).max(1e6)]).default('auto'),
  })
  .meta({ id: 'Hyperparameters' })
export type Hyperparameters = z.infer<typeof Hyperparameters>

export const Method = z
  .strictObject({
    type: z.literal('supervised'),
    supervised: z.strictObject({ hyperparameters: Hyperparameters.prefault({}) }).prefault({}),
  })
  .meta({ id: 'Method' })
export type Method = z.infer<typeof Method>

const Metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'expected 16 pairs at most')
  .meta({ propertyNames: { maxLength: 64 }, maxProperties: 16 })

/** How a job is to train, in a request. */
const tuning = {
  model: z.string().min(1),
  seed: z.int().min(0).max(0xffffffff).nullish(),
  hyperparameters: Hyperparameters.optional(),
  method: Method.optional(),
  peft: Peft.optional(),
  training_args: TrainingArgs.partial().default({}),
  /** A configuration file of ChatGLM3's fine-tuning scripts: its YAML text, or the same as JSON. */
  config: z.union([z.string().max(100_000), z.record(z.string(), z.unknown())]).optional(),
}

type Asked = { hyperparameters?: unknown; method?: unknown; config?: unknown; peft?: unknown }

/** The same is not said in two places. */
const saidOnce = <S extends z.ZodType<Asked>>(schema: S): S =>
  schema
    .refine(({ hyperparameters, method }) => !(hyperparameters && method), {
      path: ['hyperparameters'],
      message: 'give hyperparameters or method.supervised.hyperparameters, not both',
    })
    .refine(({ config, peft }) => !(config && peft), {
      path: ['peft'],
      message: 'give peft or a config with its own peft_config, not both',
    })

export const JobRequest = saidOnce(
  z.strictObject({
    ...tuning,
    /** A `file-…` or a `ds_…`. */
    training_file: z.string().min(1),
    validation_file: z.string().min(1).nullish(),
    /** Part of the tuned model's id. */
    suffix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, - or _')
      .nullish(),
    metadata: Metadata.nullish(),
    integrations: z.array(z.unknown()).max(0, 'there are no integrations yet; leave it out').nullish(),
  }),
).meta({ id: 'JobRequest' })
export type JobRequest = z.infer<typeof JobRequest>

/** A job without its data: how would it be trained? */
export const PlanRequest = saidOnce(z.strictObject(tuning)).meta({ id: 'PlanRequest' })
export type PlanRequest = z.infer<typeof PlanRequest>

const bytes = z.int()

/** How a job would be trained so that it fits into memory, for samples as long as its limits allow. */
export const Plan = z
  .object({
    object: z.literal('fine_tuning.plan'),
    model: z.string(),
    peft_type: z.string(),
    /** How the base is held: packed, float32, stored, or in 8 or 4 bits with products in float32 or in integers. */
    base: z.string(),
    gradient_checkpointing: z.enum(['none', 'selective', 'full']),
    /** Samples at a time, how often in an optimizer step, and tokens of each, prompt and reply. */
    micro_batch: z.int(),
    accumulation: z.int(),
    tokens: z.int(),
    /** Bytes: what it takes, and what there is. */
    memory: z.object({
      ...{ base: bytes, activations: bytes, optimizer: bytes, workspace: bytes, total: bytes },
    }),
    available: bytes,
  })
  .meta({ id: 'Plan' })
export type Plan = z.infer<typeof Plan>

export const JobStatus = z.enum([
  ...(['validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'] as const),
])
export type JobStatus = z.infer<typeof JobStatus>

/** Mean cross-entropy per labelled token of the dev set, in nats, without and with the adapter. */
export const DevLoss = z.object({ base: z.number(), tuned: z.number() }).meta({ id: 'DevLoss' })
export type DevLoss = z.infer<typeof DevLoss>

export const JobError = z
  .object({ code: z.string(), message: z.string(), param: z.string().nullable() })
  .meta({ id: 'JobError' })
export type JobError = z.infer<typeof JobError>

export const Job = z
  .object({
    id: idOf('job'),
    object: z.literal('fine_tuning.job'),
    created_at: z.int(),
    finished_at: z.int().nullable(),
    estimated_finish: z.int().nullable(),
    status: JobStatus,
    model: z.string(),
    fine_tuned_model: z.string().nullable(),
    organization_id: z.string(),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    result_files: z.array(z.string()),
    trained_tokens: z.int().nullable(),
    error: orNull(JobError),
    seed: z.int(),
    hyperparameters: Hyperparameters,
    method: Method,
    integrations: z.array(z.unknown()).max(0),
    metadata: Metadata.nullable(),
    peft: Peft,
    training_args: TrainingArgs,
    dev_loss: orNull(DevLoss),
  })
  .meta({ id: 'Job' })
export type Job = z.infer<typeof Job>

/** Of a query, `metadata[k]=v` as a record; `metadata=null`, which OpenAI's client writes as `metadata=`, as null. */
function withMetadata(query: unknown): unknown {
  const { metadata, ...rest } = query as Record<string, unknown>
  const pairs = Object.entries(rest).flatMap(([name, value]) => {
    const key = name.match(/^metadata\[(.*)\]$/s)?.[1]
    return key === undefined ? [] : [[key, value] as const]
  })
  if (metadata === undefined)
    return pairs.length === 0 ? rest : { ...rest, metadata: Object.fromEntries(pairs) }
  const isNull = pairs.length === 0 && (metadata === 'null' || metadata === '')
  return { ...rest, metadata: isNull ? null : metadata }
}

export const JobListQuery = z.pipe(
  z.transform(withMetadata),
  PageQuery.extend({
    /** Those that have all of these pairs; null: those that have none. */
    metadata: Metadata.nullish().meta({
      param: { style: 'deepObject', explode: true },
      // `metadata[]` would be an array.
      propertyNames: { minLength: 1, maxLength: 64 },
    }),
  }),
)
export type JobListQuery = z.infer<typeof JobListQuery>

/**
 * One moment of a run; tokens/s counts labelled and unlabelled tokens. Every evaluation is of the whole dev set, so that
 * OpenAI's `valid_…` and `full_valid_…` are the same numbers; accuracy is a share of the labelled tokens.
 */
export const Metrics = z
  .object({
    step: z.int(),
    total_steps: z.int(),
    train_loss: z.number().optional(),
    valid_loss: z.number().optional(),
    valid_mean_token_accuracy: z.number().optional(),
    full_valid_loss: z.number().optional(),
    full_valid_mean_token_accuracy: z.number().optional(),
    learning_rate: z.number().optional(),
    tokens_per_second: z.number().optional(),
  })
  .meta({ id: 'Metrics' })
export type Metrics = z.infer<typeof Metrics>

const event = z.object({
  id: idOf('event'),
  object: z.literal('fine_tuning.job.event'),
  created_at: z.int(),
  level: z.enum(['info', 'warn', 'error']),
  message: z.string(),
})

export const JobEvent = z
  .discriminatedUnion('type', [
    event.extend({ type: z.literal('message'), data: z.null() }),
    event.extend({ type: z.literal('metrics'), data: Metrics }),
  ])
  .meta({ id: 'JobEvent' })
export type JobEvent = z.infer<typeof JobEvent>

export const Checkpoint = z
  .object({
    id: idOf('checkpoint'),
    object: z.literal('fine_tuning.job.checkpoint'),
    created_at: z.int(),
    fine_tuning_job_id: idOf('job'),
    fine_tuned_model_checkpoint: z.string(),
    step_number: z.int(),
    metrics: Metrics,
  })
  .meta({ id: 'Checkpoint' })
export type Checkpoint = z.infer<typeof Checkpoint>
