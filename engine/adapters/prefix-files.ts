/** PEFT's files for a prefix: the config, and one tensor with all rows. */
import { z } from 'zod'
import type { Model, PositionRule } from '../models/model.ts'
import { type AdapterFiles, adapterFiles, configFile } from './adapter-files.ts'
import type { TensorFile } from './peft.ts'

/** Rows before every conversation, by layer: keys and values of `tokens` rows, each (tokens, kvHeads · headDim). */
export type Prefix = { tokens: number; keys: Float32Array[]; values: Float32Array[] }

const Count = z.number().int().positive()
const PrefixConfig = z.object({
  peft_type: z.literal('PREFIX_TUNING'),
  num_virtual_tokens: Count,
  num_layers: Count,
  token_dim: Count,
  num_attention_heads: Count.nullish(),
  num_transformer_submodules: z.literal(1).nullish(),
  modules_to_save: z.null().optional(),
  /** Ours; PEFT's own files leave it out. */
  preamble_position_rule: z.enum(['after_prefix', 'from_zero']).optional(),
})

const rowWidth = ({ kvHeads, headDim }: Model) => kvHeads * headDim

/**
 * PEFT's layout is one tensor `prompt_embeddings` (P, layers · 2 · token_dim): in a row, part 2l is layer l's key and
 * part 2l+1 its value. Keys are stored as they enter the cache, after rotation.
 */
export function joinRows({ tokens, keys, values }: Prefix): Float32Array {
  const parts = keys.flatMap((key, layer) => [key, values[layer]!])
  const width = parts[0]!.length / tokens
  const data = new Float32Array(tokens * parts.length * width)
  for (let p = 0; p < tokens; p++) {
    for (const [i, part] of parts.entries())
      data.set(part.subarray(p * width, (p + 1) * width), (p * parts.length + i) * width)
  }
  return data
}

/** The reverse of `joinRows`. */
export function splitRows(data: Float32Array, tokens: number, layers: number): Prefix {
  const width = data.length / (tokens * layers * 2)
  const part = (i: number) => {
    const rows = new Float32Array(tokens * width)
    for (let p = 0; p < tokens; p++) {
      const from = (p * layers * 2 + i) * width
      rows.set(data.subarray(from, from + width), p * width)
    }
    return rows
  }
  const each = (offset: number) => Array.from({ length: layers }, (_, l) => part(2 * l + offset))
  return { tokens, keys: each(0), values: each(1) }
}

/** The config of a prefix of `tokens` rows; `base` is what it calls the base model. */
export const prefixConfig = (model: Model, base: string, tokens: number): object => ({
  base_model_name_or_path: base,
  peft_type: 'PREFIX_TUNING',
  task_type: 'CAUSAL_LM',
  inference_mode: true,
  num_virtual_tokens: tokens,
  token_dim: rowWidth(model),
  num_transformer_submodules: 1,
  num_attention_heads: model.kvHeads,
  num_layers: model.layers,
  encoder_hidden_size: model.hidden,
  // The MLP of a projected prefix is evaluated before saving, as PEFT does.
  prefix_projection: false,
  preamble_position_rule: model.positionRule,
})

/** The files of a trained prefix; `base` is what they call the base model. */
export function prefixFiles(model: Model, base: string, prefix: Prefix): AdapterFiles {
  const shape = [prefix.tokens, model.layers * 2 * rowWidth(model)]
  const config = prefixConfig(model, base, prefix.tokens)
  return adapterFiles(config, [['prompt_embeddings', { shape, data: joinRows(prefix) }]])
}

/**
 * Reads a prefix's config and tensor.
 * @throws an Error that names the file, the key and both numbers when it is no prefix for this base
 */
export function parsePrefix(
  model: Model,
  json: unknown,
  config: string,
  { file, tensors }: TensorFile,
): Prefix {
  const { data, error } = PrefixConfig.safeParse(json)
  if (error) throw new Error(`${config} is not as expected: ${z.prettifyError(error)}`)
  const { num_virtual_tokens: tokens, num_layers: layers, token_dim: width } = data
  const fits = (key: string, got: number | string, wanted: number | string) => {
    if (got !== wanted) throw new Error(`${config}: ${key} is ${got}, the base model needs ${wanted}`)
  }
  fits('num_layers', layers, model.layers)
  fits('token_dim', width, rowWidth(model))
  fits('num_attention_heads', data.num_attention_heads ?? model.kvHeads, model.kvHeads)
  fits(
    'preamble_position_rule',
    data.preamble_position_rule ?? unstatedRule(model, config),
    model.positionRule,
  )
  const entry = tensors.get('prompt_embeddings')
  const wanted = [tokens, layers * 2 * width]
  if (!entry) throw new Error(`${file}: prompt_embeddings is missing`)
  if (entry.shape.join() !== wanted.join())
    throw new Error(`${file}: prompt_embeddings is [${entry.shape}], ${configFile} says [${wanted}]`)
  return splitRows(entry.data, tokens, layers)
}

/** What PEFT's own files mean: real tokens follow the rows, except on ChatGLM, where it depends on who trained them. */
function unstatedRule({ type, positionRule }: Model, config: string): PositionRule {
  if (positionRule === 'after_prefix') return positionRule
  throw new Error(
    `${config}: preamble_position_rule is missing. On ${type} the first real token may stand at position 0 ` +
      '("from_zero": ChatGLM\'s own scripts) or behind the rows ("after_prefix": PEFT over transformers\' Glm); say which',
  )
}
