/** A dataset: a corpus as conversations, split into a training and a dev set. */
import { z } from 'zod'
import { idOf } from './ids.ts'

export const Split = z
  .strictObject({
    /** The training set's share of the pairs; 1: all of them, and no dev set. */
    train: z.number().gt(0).lte(1).default(0.7),
    shuffle: z.boolean().default(true),
    seed: z.int().min(0).max(0xffffffff).default(42),
  })
  .meta({ id: 'Split' })
export type Split = z.infer<typeof Split>

export const DatasetRequest = z
  .strictObject({
    file_id: z.string().min(1),
    split: Split.prefault({}),
    /** Put before every conversation that has no system turn of its own. */
    system_prompt: z.string().min(1).optional(),
  })
  .meta({ id: 'DatasetRequest' })
export type DatasetRequest = z.infer<typeof DatasetRequest>

/** Something wrong with a corpus: at a line and column of text (both from 1), or at a JSON path. */
export const Problem = z
  .object({
    line: z.int().optional(),
    column: z.int().optional(),
    path: z.string().optional(),
    severity: z.enum(['error', 'warning']),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof Problem>

/** A dataset object lists this many problems; `problems_total` counts all. */
export const maxProblems = 1000

/** A truncation lists this many samples; its `total` counts all. */
export const maxTruncated = 1000

/** Conversations that a job had to cut to its `max_input_length` + `max_output_length`. */
export const Truncation = z
  .object({
    job_id: idOf('job'),
    /** The base model, whose tokens were counted. */
    model: z.string(),
    /** Tokens that a sample may have. */
    limit: z.int(),
    total: z.int(),
    /** Places in train.json or dev.json, from 0, and the tokens that the conversation had. */
    samples: z
      .array(z.object({ set: z.enum(['train', 'dev']), index: z.int(), tokens: z.int() }))
      .max(maxTruncated),
  })
  .meta({ id: 'Truncation' })
export type Truncation = z.infer<typeof Truncation>

export const DatasetFileName = z.enum(['original.json', 'train.json', 'dev.json'])
export type DatasetFileName = z.infer<typeof DatasetFileName>

export const Dataset = z
  .object({
    id: idOf('dataset'),
    object: z.literal('dataset'),
    created_at: z.int(),
    status: z.enum(['processing', 'ready', 'failed']),
    file_id: idOf('file'),
    split: Split,
    system_prompt: z.string().nullable(),
    /** Conversations; `total` is missing until the corpus is read. */
    counts: z.object({ total: z.int().optional(), train: z.int(), dev: z.int() }),
    problems: z.array(Problem).max(maxProblems),
    problems_total: z.int(),
    /** By job that trained on it; none where all samples fitted. */
    truncations: z.array(Truncation),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Dataset' })
export type Dataset = z.infer<typeof Dataset>

export const DatasetDeleted = z
  .object({ id: z.string(), object: z.literal('dataset'), deleted: z.literal(true) })
  .meta({ id: 'DatasetDeleted' })
export type DatasetDeleted = z.infer<typeof DatasetDeleted>
