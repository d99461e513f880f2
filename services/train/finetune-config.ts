/** The configuration files of ChatGLM3's `finetune_demo`, read as what a job trains and how. */
import { type Document, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { ApiError } from '../../contract/errors.ts'
import { Peft } from '../../contract/peft.ts'
import { TrainingArgs } from '../../contract/training-args.ts'
import { findUnstorable } from '../../infra/http/unstorable.ts'

export type FinetuneConfig = {
  peft: Peft
  /** What the file says, and what it leaves to transformers' defaults. */
  args: Partial<TrainingArgs>
  defaults: Partial<TrainingArgs>
  warnings: string[]
}

type Keys = Readonly<Record<string, unknown>>
/** Says that the key at this path is wrong. */
type Report = (path: readonly string[], message: string) => void

/** Keys of the file and of transformers' `Seq2SeqTrainingArguments` that change nothing about the result here. */
const inert: Readonly<Record<string, string>> = {
  ...because('files stay where they are, and reading them needs no processes', [
    ...['num_proc', 'dataloader_num_workers', 'dataloader_pin_memory', 'dataloader_prefetch_factor'],
    ...[
      'remove_unused_columns',
      'output_dir',
      'overwrite_output_dir',
      'save_total_limit',
      'save_safetensors',
    ],
  ]),
  ...because('one process trains, on the device that the server is set to', [
    ...[
      'deepspeed',
      'fsdp',
      'fsdp_config',
      'local_rank',
      'ddp_find_unused_parameters',
      'ddp_backend',
      'ddp_timeout',
    ],
    ...['use_cpu', 'no_cuda', 'accelerator_config', 'auto_find_batch_size'],
  ]),
  ...because('all arithmetic is float32', ['fp16', 'bf16', 'tf32', 'half_precision_backend', 'debug']),
  ...because('the job tells its progress in its events', [
    ...['log_level', 'log_level_replica', 'report_to', 'run_name', 'disable_tqdm', 'logging_dir'],
    ...['logging_first_step', 'push_to_hub', 'do_train', 'do_eval'],
  ]),
  ...because('replies to the dev set are greedy, and generation_max_new_tokens long at most', [
    ...['generation_config', 'generation_max_length', 'generation_num_beams'],
  ]),
  ...because('evaluations are of the dev set', ['test_file']),
  ...because('it saves memory, and changes no number: the plan decides', [
    'gradient_checkpointing',
    'gradient_checkpointing_kwargs',
  ]),
}

function because(reason: string, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, reason]))
}

/** What transformers takes where the file says nothing. */
const transformersDefaults = {
  max_steps: -1,
  learning_rate: 5e-5,
  per_device_train_batch_size: 8,
  per_device_eval_batch_size: 8,
  logging_steps: 500,
  save_steps: 500,
}

/**
 * @throws ApiError that names every wrong key, with its line where `source` is text
 */
export function readFinetuneConfig(source: string | Keys): FinetuneConfig {
  const { value, lineOf } =
    typeof source === 'string' ? parseYaml(source) : { value: source, lineOf: () => '' }
  const problems: string[] = []
  const warnings: string[] = []
  const wrong: Report = (path, message) => problems.push(`${lineOf(path)}${path.join('.')} ${message}`)
  const idle = (path: readonly string[]): boolean => {
    const key = path.at(-1)!
    if (Object.hasOwn(inert, key)) warnings.push(`${path.join('.')} has no meaning here: ${inert[key]}`)
    return Object.hasOwn(inert, key)
  }

  const part = (key: string): Keys | undefined => {
    const found = value[key]
    if (found === undefined || isKeys(found)) return found
    wrong([key], 'must hold keys and values')
    return undefined
  }
  const known = ['data_config', 'max_input_length', 'max_output_length', 'training_args', 'peft_config']
  for (const key of Object.keys(value)) if (!known.includes(key) && !idle([key])) wrong([key], 'is not known')
  for (const key of Object.keys(part('data_config') ?? {}))
    if (!['train_file', 'val_file'].includes(key) && !idle(['data_config', key]))
      wrong(['data_config', key], 'is not known')

  const { max_input_length, max_output_length } = value
  const given = { ...part('training_args'), ...defined({ max_input_length, max_output_length }) }
  const pathOf = (key: string) => (key in value ? [key] : ['training_args', key])
  const args = argsOf(
    given,
    (key, message) => wrong(pathOf(key), message),
    (key) => idle(pathOf(key)),
  )
  const peft = peftOf(part('peft_config'), wrong)
  if (problems.length > 0 || !peft)
    throw new ApiError('invalid_value', `config: ${problems.join('; ')}`, { param: 'config' })
  return { peft, args, defaults: transformersDefaults, warnings }
}

type OnKey<R> = (key: string, message: string) => R

function argsOf(given: Keys, wrong: OnKey<void>, idle: (key: string) => boolean): Partial<TrainingArgs> {
  const args: Record<string, unknown> = {}
  const never = new Set<string>()
  for (const [key, value] of Object.entries(given)) {
    if (key === 'generation_config' && isKeys(value) && 'max_new_tokens' in value)
      args.generation_max_new_tokens = value.max_new_tokens
    else if (key === 'gradient_checkpointing' && typeof value === 'boolean') idle(key)
    else if (key in TrainingArgs.shape) args[key] = value
    else if (strategies[key]) {
      if (value === 'no') never.add(strategies[key])
      else if (value !== 'steps')
        wrong(key, `is ${JSON.stringify(value)}; only "steps" and "no" are implemented`)
    } else if (key === 'optim') {
      if (!/^adamw_(torch|torch_fused|hf)$/.test(String(value)))
        wrong(key, `is ${JSON.stringify(value)}; only AdamW is implemented (adamw_torch)`)
    } else if (key === 'warmup_ratio') {
      const { max_steps: steps } = given
      if (typeof steps === 'number' && steps > 0) args.warmup_steps = Math.ceil(Number(value) * steps)
      else wrong(key, 'needs max_steps; give warmup_steps instead')
    } else if (!idle(key)) wrong(key, 'is not known')
  }
  for (const key of never) args[key] = 0
  const { data, error } = TrainingArgs.partial().safeParse(args)
  for (const { path, message } of error?.issues ?? [])
    wrong(String(path[0]), `is ${JSON.stringify(args[String(path[0])])}: ${message}`)
  return data ?? {}
}

/** The steps that a strategy counts. */
const strategies: Readonly<Record<string, string>> = {
  save_strategy: 'save_steps',
  logging_strategy: 'logging_steps',
  evaluation_strategy: 'eval_steps',
  eval_strategy: 'eval_steps',
}

/** Without a `peft_config` the scripts train all weights. */
function peftOf(given: Keys | undefined, wrong: Report): Peft | undefined {
  if (!given) return { peft_type: 'FULL' }
  const { task_type = 'CAUSAL_LM', inference_mode: _, ...peft } = given
  if (task_type !== 'CAUSAL_LM')
    wrong(['peft_config', 'task_type'], `is ${JSON.stringify(task_type)}; only "CAUSAL_LM" is implemented`)
  const { data, error } = Peft.safeParse({ peft_type: null, ...peft })
  for (const issue of error?.issues ?? []) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : []
    for (const key of keys) wrong(['peft_config', key], 'is not known')
    if (keys.length === 0) wrong(['peft_config', ...issue.path.map(String)], `: ${issue.message}`)
  }
  return data
}

function parseYaml(text: string): { value: Keys; lineOf: (path: readonly string[]) => string } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, keepSourceTokens: true })
  const fail = (message: string): never => {
    throw new ApiError('invalid_value', `config: ${message}`, { param: 'config' })
  }
  const [error] = document.errors
  if (error) fail(`line ${lines.linePos(error.pos[0]).line} is not YAML (${error.code})`)
  const value = plainOf(document)
  if (!isKeys(value)) return fail('is no YAML with keys and values')
  const unstorable = findUnstorable(value)
  if (unstorable) fail(`${unstorable.path.join('.')} ${unstorable.problem}`)
  const lineOf = (path: readonly string[]) => {
    const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined
    return node?.range ? `line ${lines.linePos(node.range[0]).line}: ` : ''
  }
  return { value, lineOf }
}

/** Undefined where an alias names nothing, or aliases of aliases would fill the memory. */
function plainOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    return undefined
  }
}

const isKeys = (value: unknown): value is Keys => z.record(z.string(), z.unknown()).safeParse(value).success

const defined = (keys: Keys): Keys =>
  Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
