import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { adapterHash, configFile, tensorFile } from '../adapters/adapter-files.ts'
import { readAdapter } from '../adapters/peft.ts'
import { prefixConfig } from '../adapters/prefix-files.ts'
import { InputError } from '../errors.ts'
import type { Model, PositionRule } from '../models/model.ts'
import { openModel } from '../models/open.ts'
import { encodeStored, readBytes } from '../weights/safetensors.ts'
import { readTorchHeader } from '../weights/torch-file.ts'
import { readChatglmPrefix } from './chatglm-prefix.ts'
import { chatglmBin, chatglmConfig, peftBin, readForeign } from './foreign-files.ts'

export type ImportRequest = {
  /** The base model's Hugging Face directory, and what the adapter is to call it where its files do not say. */
  base: string
  baseName: string
  /** The adapter's files as they came. */
  from: string
  /** A directory to be made with the files as we keep them: PEFT's, as safetensors. */
  to: string
  /** Where real tokens start behind a prefix, when its own files leave it open. */
  positionRule?: PositionRule
}

export type ImportedAdapter = { peftType: 'PREFIX_TUNING' | 'LORA'; hash: string }

/**
 * Turns an adapter of PEFT or of ChatGLM's scripts into files of ours, and makes sure that they fit their base.
 * Tensors are copied byte by byte. Yields once.
 * @throws InputError when files are missing, damaged or hostile, or do not fit the base: the file, the key and both
 * numbers are named
 */
export async function* importAdapter(request: ImportRequest): AsyncGenerator<ImportedAdapter, void, void> {
  const { base, from, to } = request
  const model = openModel(base)
  mkdirSync(to)
  try {
    if (existsSync(join(from, configFile))) takePeft(request)
    else if (existsSync(join(from, chatglmBin))) await takeChatglm(model, request)
    else
      throw new Error(
        `there is neither ${configFile} (PEFT) nor ${chatglmBin} with its ${chatglmConfig} (ChatGLM's scripts)`,
      )
  } catch (error) {
    // A failing disk is not the caller's fault.
    if ((error as NodeJS.ErrnoException).syscall) throw error
    throw new InputError('invalid_adapter', (error as Error).message, { cause: error })
  }
  const { prefix } = readAdapter(model, to)
  const hash = adapterHash(readFileSync(join(to, tensorFile)))
  yield { peftType: prefix ? 'PREFIX_TUNING' : 'LORA', hash }
}

const Config = z.looseObject({ preamble_position_rule: z.unknown().optional() })

function takePeft({ from, to, positionRule }: ImportRequest): void {
  const source = join(from, configFile)
  const config = readForeign(source, Config)
  const stated = config.preamble_position_rule
  if (positionRule === undefined || stated === positionRule) copyFileSync(source, join(to, configFile))
  else if (config.peft_type !== 'PREFIX_TUNING')
    throw new Error(
      `${source}: peft_type is ${JSON.stringify(config.peft_type)}; only a prefix has a position rule`,
    )
  else if (stated !== undefined)
    throw new Error(
      `${source}: preamble_position_rule is ${JSON.stringify(stated)}, the request says "${positionRule}"`,
    )
  else writeConfig(to, { ...config, preamble_position_rule: positionRule })

  const [tensors, bin] = [join(from, tensorFile), join(from, peftBin)]
  if (existsSync(tensors)) copyFileSync(tensors, join(to, tensorFile))
  else if (existsSync(bin)) writeFileSync(join(to, tensorFile), converted(bin))
  else
    throw new Error(`${configFile} has no tensors beside it: neither ${tensorFile} nor ${peftBin} is there`)
}

/** The tensors of a PyTorch file as safetensors, byte by byte. */
function converted(bin: string): Uint8Array {
  const tensors = [...readTorchHeader(bin)].map(([name, entry]) => {
    const { dtype, shape } = entry
    return [name, { dtype, shape, bytes: readBytes(entry) }] as const
  })
  return encodeStored(tensors)
}

async function takeChatglm(model: Model, { baseName, from, to, positionRule }: ImportRequest): Promise<void> {
  if (!existsSync(join(from, chatglmConfig)))
    throw new Error(
      `${chatglmBin} has no ${chatglmConfig} beside it, which says how many rows its prefix has`,
    )
  if (positionRule === 'after_prefix')
    throw new Error(
      `${chatglmBin} is of ChatGLM's scripts, whose position rule is "from_zero", not "after_prefix"`,
    )
  const rows = await readChatglmPrefix(model, from)
  writeConfig(to, prefixConfig(model, baseName, rows.shape[0]!))
  writeFileSync(join(to, tensorFile), encodeStored([['prompt_embeddings', rows]]))
}

const writeConfig = (to: string, config: object) =>
  writeFileSync(join(to, configFile), `${JSON.stringify(config, null, 2)}\n`)
