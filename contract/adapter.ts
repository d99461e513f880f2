/** Adapters as things of their own: trained here or brought from elsewhere, each the half of a tuned model. */
import { z } from 'zod'
import { idOf } from './ids.ts'

/** PEFT's names; `FULL` is no adapter of PEFT's but a copy of all weights. */
export const PeftType = z.enum(['PREFIX_TUNING', 'LORA', 'FULL'])
export type PeftType = z.infer<typeof PeftType>

/**
 * Where a prefix puts the first real token: behind its rows, as PEFT counts on most models, or at position 0, as
 * ChatGLM counts.
 */
export const PositionRule = z.enum(['after_prefix', 'from_zero'])
export type PositionRule = z.infer<typeof PositionRule>

/**
 * What the files of an adapter are called: PEFT's, today's and older ones, and those of ChatGLM's scripts, which keep a
 * prefix's rows in `pytorch_model.bin` and its sizes in `config.json`.
 */
export const adapterFileNames: readonly string[] = [
  'adapter_config.json',
  'adapter_model.safetensors',
  'adapter_model.bin',
  'pytorch_model.bin',
  'config.json',
]

export const Adapter = z
  .object({
    id: idOf('adapter'),
    object: z.literal('adapter'),
    created_at: z.int(),
    /** What requests call it: `ft:<base>:<suffix>:<id>`. */
    model: z.string(),
    base: z.string(),
    peft_type: PeftType,
    source: z.enum(['job', 'import']),
    job_id: idOf('job').nullable(),
    /** Of its files; null: it was stored before sizes were kept. */
    bytes: z.int().nullable(),
    /** Whether this server has it in memory, how many bytes it takes there, and whether it stays. */
    loaded: z.boolean(),
    loaded_bytes: z.int(),
    pinned: z.boolean(),
  })
  .meta({ id: 'Adapter' })
export type Adapter = z.infer<typeof Adapter>

export const AdapterDeleted = z
  .object({ id: idOf('adapter'), object: z.literal('adapter'), deleted: z.literal(true) })
  .meta({ id: 'AdapterDeleted' })
export type AdapterDeleted = z.infer<typeof AdapterDeleted>

/** The form fields that come with the files of an import. */
export const ImportFields = z
  .strictObject({
    /** Id of the base model; absent, the adapter's own config must name a known one. */
    base: z.string().min(1).optional(),
    /** Part of the tuned model's id. */
    suffix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, - or _')
      .optional(),
    /** Of a prefix whose files do not say it. */
    position_rule: PositionRule.optional(),
  })
  .meta({ id: 'AdapterImport' })
export type ImportFields = z.infer<typeof ImportFields>

export const ExportQuery = z.object({
  /**
   * `peft`: as PEFT saves it. `chatglm`: as ChatGLM's own scripts save a prefix. `huggingface`: a model's whole directory,
   * where all weights were trained. Absent, `peft` or, for such a model, `huggingface`.
   */
  format: z.enum(['peft', 'chatglm', 'huggingface']).optional(),
  /** Of the numbers in a `chatglm` export; absent, the one that the adapter is stored in. */
  dtype: z.enum(['float32', 'float16']).optional(),
})
export type ExportQuery = z.infer<typeof ExportQuery>
export type ExportFormat = NonNullable<ExportQuery['format']>
