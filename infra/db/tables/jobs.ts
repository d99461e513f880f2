import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Id } from '../../../contract/ids.ts'
import type { DevLoss, Hyperparameters, JobError, JobStatus } from '../../../contract/job.ts'
import type { Peft } from '../../../contract/peft.ts'
import type { TrainingArgs } from '../../../contract/training-args.ts'
import { project } from './projects.ts'
import { createdAt, moment } from './time.ts'
import { traceColumn } from './trace.ts'

/** Fine-tuning jobs, and the lines in which they wait. A row moves from status to status by compare-and-set. */
export const jobs = pgTable(
  'jobs',
  {
    id: text('id').$type<Id<'job'>>().primaryKey(),
    project: project(),
    status: text('status').$type<JobStatus>().notNull(),
    model: text('model').notNull(),
    trainingFile: text('training_file').notNull(),
    validationFile: text('validation_file'),
    suffix: text('suffix'),
    seed: bigint('seed', { mode: 'number' }).notNull(),
    hyperparameters: jsonb('hyperparameters').$type<Hyperparameters>().notNull(),
    peft: jsonb('peft').$type<Peft>().notNull(),
    trainingArgs: jsonb('training_args').$type<TrainingArgs>().notNull(),
    metadata: jsonb('metadata').$type<Record<string, string>>(),
    /** The dataset it trains on, once its files are converted. */
    datasetId: text('dataset_id').$type<Id<'dataset'>>(),
    /** The dataset of its validation file, if it has one. */
    validationDatasetId: text('validation_dataset_id').$type<Id<'dataset'>>(),
    /** How often a worker took it; a worker whose attempt is not the last has lost the job, and writes nothing any more. */
    attempt: integer('attempt').notNull().default(0),
    /** When its worker counts as dead; null or past: nobody has it. */
    leaseUntil: moment('lease_until'),
    /** How often it was taken without getting to a new state. */
    stalls: integer('stalls').notNull().default(0),
    /** Where in the store the last whole state of its run lies, and the step that it is of. */
    stateKey: text('state_key'),
    stateStep: integer('state_step'),
    resultFiles: jsonb('result_files').$type<Id<'file'>[]>().notNull().default([]),
    fineTunedModel: text('fine_tuned_model'),
    trainedTokens: bigint('trained_tokens', { mode: 'number' }),
    devLoss: jsonb('dev_loss').$type<DevLoss>(),
    error: jsonb('error').$type<JobError>(),
    trace: traceColumn(),
    createdAt: createdAt(),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
    estimatedFinish: moment('estimated_finish'),
  },
  (table) => [
    index('jobs_by_age').on(table.project, table.createdAt),
    index('jobs_in_line')
      .on(table.createdAt)
      .where(sql`${table.status} in ('validating_files', 'queued', 'running')`),
  ],
)
