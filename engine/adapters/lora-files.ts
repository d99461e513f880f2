/** PEFT's files for a LoRA: the config, and a tensor `base_model.model.<module>.lora_{A,B}.weight` for each factor. */
import { z } from 'zod'
import type { Model } from '../models/model.ts'
import { linearModules } from '../models/weight-shapes.ts'
import type { Parameters } from './adapter.ts'
import { type AdapterFiles, adapterFiles } from './adapter-files.ts'
import type { TensorFile } from './peft.ts'
import { defaultTargets, factorNames, type Target, type Targeting, targetsOf } from './targets.ts'

/** A LoRA that was read: what it adapts, and its factors. */
export type Lora = { targets: Target[]; parameters: Parameters }

const prefix = 'base_model.model.'
const Count = z.number().int().positive()

/** Keys that say nothing about what the adapter computes. */
const inert = [
  ...['peft_version', 'task_type', 'base_model_name_or_path', 'revision', 'auto_mapping', 'inference_mode'],
  ...['lora_dropout', 'runtime_config', 'loftq_config', 'megatron_core', 'qalora_group_size'],
]

const LoraConfig = z.looseObject({
  peft_type: z.literal('LORA'),
  r: Count,
  lora_alpha: z.number(),
  target_modules: z.union([z.array(z.string()), z.string()]).nullish(),
  use_rslora: z.boolean().default(false),
  rank_pattern: z.record(z.string(), Count).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  bias: z.literal('none').default('none'),
  /** Others change the base's weights before training, and fit no base but the changed one. */
  init_lora_weights: z.union([z.boolean(), z.enum(['gaussian', 'eva', 'orthogonal'])]).default(true),
})

const changesNothing = (value: unknown) =>
  value == null || value === false || (typeof value === 'object' && Object.keys(value).length === 0)

export function loraFiles(
  base: string,
  { r, lora_alpha, target_modules, use_rslora, rank_pattern, alpha_pattern }: Targeting,
  lora_dropout: number,
  parameters: Parameters,
): AdapterFiles {
  const config = {
    base_model_name_or_path: base,
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    inference_mode: true,
    r,
    lora_alpha,
    lora_dropout,
    target_modules,
    use_rslora,
    rank_pattern,
    alpha_pattern,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
  }
  return adapterFiles(
    config,
    [...parameters].map(([name, tensor]) => [prefix + name, tensor]),
  )
}

/**
 * Reads a LoRA's config and tensors. The scale of each target is multiplied into B, so that adapters of one shape share
 * a graph.
 * @throws an Error that names the file, the key and both numbers when it is no LoRA for this base
 */
export function parseLora(model: Model, json: unknown, config: string, { file, tensors }: TensorFile): Lora {
  const { data, error } = LoraConfig.safeParse(json)
  if (error) throw new Error(`${config} is not as expected: ${z.prettifyError(error)}`)
  const known = [...Object.keys(LoraConfig.shape), ...inert]
  const strangers = Object.entries(data).filter(
    ([key, value]) => !known.includes(key) && !changesNothing(value),
  )
  if (strangers.length > 0)
    throw new Error(
      `${config}: ${strangers.map(([key, value]) => `${key} is ${JSON.stringify(value)}`).join(', ')}; ` +
        'this variant of LoRA is not supported',
    )
  const targets = targetsOf(linearModules(model), {
    ...data,
    target_modules: data.target_modules ?? defaultTargets(model.type),
    rank_pattern: data.rank_pattern ?? {},
    alpha_pattern: data.alpha_pattern ?? {},
  })

  const left = new Set(tensors.keys())
  const parameters: Parameters = new Map()
  for (const { module, rank, scale } of targets) {
    const take = (name: string, shape: readonly number[], factor: number) => {
      const entry = tensors.get(prefix + name)
      if (!entry)
        throw new Error(`${file}: ${prefix}${name} is missing, though target_modules names ${module.name}`)
      if (entry.shape.join() !== shape.join())
        throw new Error(`${file}: ${prefix}${name} is [${entry.shape}], the base model needs [${shape}]`)
      left.delete(prefix + name)
      const values = entry.data
      parameters.set(name, { shape, data: factor === 1 ? values : values.map((x) => x * factor) })
    }
    const names = factorNames(module)
    take(names.a, [rank, module.in], 1)
    take(names.b, [module.out, rank], scale)
  }
  const [stranger] = left
  if (stranger !== undefined)
    throw new Error(`${file}: ${stranger} belongs to no module that target_modules names in this base model`)
  return { targets: targets.map((target) => ({ ...target, scale: 1 })), parameters }
}
