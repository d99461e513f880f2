/** The files that other programs keep an adapter in. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { configFile } from '../adapters/adapter-files.ts'
import { InputError } from '../errors.ts'
import { readJson } from '../text/json-file.ts'

/** PEFT's older format for the tensors. */
export const peftBin = 'adapter_model.bin'
/** What ChatGLM's scripts leave: a prefix encoder's weights, and the model's config with the prefix's sizes in it. */
export const chatglmBin = 'pytorch_model.bin'
export const chatglmConfig = 'config.json'

const maxConfig = 2 ** 20 // bytes: honest ones have a few thousand

/** A config from outside, checked. Throws an Error that names the file when it is too large or not as expected. */
export function readForeign<T extends z.ZodType>(file: string, schema: T): z.infer<T> {
  const { size } = statSync(file)
  if (size > maxConfig) throw new Error(`${file} has ${size} bytes, more than the limit of ${maxConfig}`)
  return readJson(file, schema)
}

const PeftConfig = z.looseObject({ base_model_name_or_path: z.string().nullish() })
const ChatglmConfig = z.looseObject({ _name_or_path: z.string().nullish() })

/**
 * What an adapter's own files call its base model, if they name one.
 * @throws InputError when its config cannot be read
 */
export function namedBase(directory: string): string | undefined {
  const [peft, chatglm] = [join(directory, configFile), join(directory, chatglmConfig)]
  try {
    if (existsSync(peft)) return readForeign(peft, PeftConfig).base_model_name_or_path || undefined
    return existsSync(chatglm) ? readForeign(chatglm, ChatglmConfig)._name_or_path || undefined : undefined
  } catch (error) {
    throw new InputError('invalid_adapter', (error as Error).message, { cause: error })
  }
}
