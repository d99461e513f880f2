/** Adapters as PEFT stores them: a directory with `adapter_config.json` and `adapter_model.safetensors`. */
import { join } from 'node:path'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { readJson } from '../text/json-file.ts'
import { withFile } from '../weights/read-file.ts'
import { decodeSafetensors, type Tensor } from '../weights/safetensors.ts'
import { adapterHash, configFile, tensorFile } from './adapter-files.ts'
import { type Lora, parseLora } from './lora-files.ts'
import { type Prefix, parsePrefix } from './prefix-files.ts'

/** An adapter that was read, ready to serve: it is one of these. */
export type StoredAdapter = { prefix?: Prefix; lora?: Lora }

/** The tensors of a file, whose name is for errors. */
export type TensorFile = { file: string; tensors: Map<string, Tensor> }

const AnyConfig = z.looseObject({ peft_type: z.string() })

/**
 * Reads an adapter's directory for a base.
 * @throws InputError when a file is missing or damaged, its kind is not supported, or it does not fit the base: the
 * file, the key and both numbers are named
 * @param hash what the tensors' file must hash to (SHA-256, hexadecimal)
 */
export function readAdapter(model: Model, directory: string, hash?: string): StoredAdapter {
  const config = join(directory, configFile)
  try {
    const json = readJson(config, AnyConfig)
    const tensors = readTensors(join(directory, tensorFile), hash)
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

/** Read once: what is hashed is what is used, whatever happens to the file meanwhile. */
function readTensors(file: string, hash: string | undefined): TensorFile {
  const bytes = withFile(file, (read, size) => read(0, size))
  const found = hash && adapterHash(bytes)
  if (found !== hash)
    throw new Error(
      `${file}: its SHA-256 is ${found}, and that of this adapter ${hash}: it was changed or damaged`,
    )
  return { file, tensors: decodeSafetensors(bytes, file) }
}
