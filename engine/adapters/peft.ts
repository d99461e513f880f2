/** Adapters as PEFT stores them: a directory with `adapter_config.json` and `adapter_model.safetensors`. */
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { readJson } from '../text/json-file.ts'
import { configFile, tensorFile } from './adapter-files.ts'
import { type Lora, parseLora } from './lora-files.ts'
import { type Prefix, parsePrefix } from './prefix-files.ts'

/** An adapter that was read, ready to serve: it is one of these. */
export type StoredAdapter = { prefix?: Prefix; lora?: Lora }

const AnyConfig = z.looseObject({ peft_type: z.string() })

/**
 * Reads an adapter's directory for a base.
 * @throws InputError when a file is missing or damaged, its kind is not supported, or it does not fit the base: the
 * file, the key and both numbers are named
 */
export function readAdapter(model: Model, directory: string): StoredAdapter {
  const [config, tensors] = [join(directory, configFile), join(directory, tensorFile)]
  try {
    const json = readJson(config, AnyConfig)
    switch (json.peft_type) {
      case 'PREFIX_TUNING':
        return { prefix: parsePrefix(model, json, config, tensors) }
      case 'LORA':
        return { lora: parseLora(model, json, config, tensors) }
      default:
        throw new Error(
          `${config}: peft_type "${json.peft_type}" is not supported; known: PREFIX_TUNING, LORA`,
        )
    }
  } catch (error) {
    throw new InputError('invalid_adapter', (error as Error).message, { cause: error })
  }
}
