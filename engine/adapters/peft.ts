/** PEFT's files for a prefix: `adapter_config.json` and `adapter_model.safetensors`. */
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { readJson } from '../text/json-file.ts'
import { encodeSafetensors, readHeader, readTensor } from '../weights/safetensors.ts'

/** An adapter's files by name. */
export type AdapterFiles = Record<string, Uint8Array>

/** Rows before every conversation, by layer: keys and values of `tokens` rows, each (tokens, kvHeads · headDim). */
export type Prefix = { tokens: number; keys: Float32Array[]; values: Float32Array[] }

const configFile = 'adapter_config.json'
const tensorFile = 'adapter_model.safetensors'

const PrefixConfig = z.object({
  peft_type: z.literal('PREFIX_TUNING'),
  num_virtual_tokens: z.number().int().positive(),
  num_layers: z.number().int().positive(),
  token_dim: z.number().int().positive(),
  /** Real tokens follow the prefix rows in position; ChatGLM's start at 0 instead. PEFT's own files leave it out. */
  preamble_position_rule: z.literal('after_prefix').default('after_prefix'),
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

/** The files of a trained prefix; `base` is what they call the base model. */
export function prefixFiles(model: Model, base: string, prefix: Prefix): AdapterFiles {
  const width = rowWidth(model)
  const config = {
    base_model_name_or_path: base,
    peft_type: 'PREFIX_TUNING',
    task_type: 'CAUSAL_LM',
    inference_mode: true,
    num_virtual_tokens: prefix.tokens,
    token_dim: width,
    num_transformer_submodules: 1,
    num_attention_heads: model.kvHeads,
    num_layers: model.layers,
    encoder_hidden_size: model.hidden,
    // The MLP of a projected prefix is evaluated before saving, as PEFT does.
    prefix_projection: false,
    preamble_position_rule: 'after_prefix',
  }
  const shape = [prefix.tokens, model.layers * 2 * width]
  return {
    [configFile]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
    [tensorFile]: encodeSafetensors([['prompt_embeddings', { shape, data: joinRows(prefix) }]]),
  }
}

/**
 * Reads a prefix adapter's directory.
 * @throws InputError when a file is missing or damaged, when it is no prefix, or when its shapes do not fit the base:
 * the file and both numbers are named
 */
export function readPrefix(model: Model, directory: string): Prefix {
  try {
    return parsePrefix(model, join(directory, configFile), join(directory, tensorFile))
  } catch (error) {
    throw new InputError('invalid_adapter', (error as Error).message, { cause: error })
  }
}

function parsePrefix(model: Model, config: string, tensors: string): Prefix {
  const { num_virtual_tokens: tokens, num_layers: layers, token_dim: width } = readJson(config, PrefixConfig)
  const fits = (key: string, got: number, wanted: number) => {
    if (got !== wanted) throw new Error(`${config}: ${key} is ${got}, the base model needs ${wanted}`)
  }
  fits('num_layers', layers, model.layers)
  fits('token_dim', width, rowWidth(model))

  const entry = readHeader(tensors).get('prompt_embeddings')
  const wanted = [tokens, layers * 2 * width]
  if (!entry) throw new Error(`${tensors}: prompt_embeddings is missing`)
  if (entry.shape.join() !== wanted.join())
    throw new Error(`${tensors}: prompt_embeddings is [${entry.shape}], ${configFile} says [${wanted}]`)
  return splitRows(readTensor(entry), tokens, layers)
}
