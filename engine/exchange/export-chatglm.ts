import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AdapterFiles, tensorFile } from '../adapters/adapter-files.ts'
import { readAdapter } from '../adapters/peft.ts'
import { InputError } from '../errors.ts'
import { openModel } from '../models/open.ts'
import { type FloatDtype, fromFloat32, isFloatDtype } from '../weights/dtype.ts'
import { readBytes, readHeader, readTensor } from '../weights/safetensors.ts'
import { encodeTorch } from '../weights/torch-write.ts'
import { encoderName } from './chatglm-prefix.ts'
import { chatglmBin, chatglmConfig } from './foreign-files.ts'

export type ChatglmExport = {
  /** The base model's Hugging Face directory. */
  base: string
  /** The adapter's directory. */
  adapter: string
  /** What its numbers are stored as; absent, what they are stored as here. */
  dtype?: 'float32' | 'float16'
}

const dtypes = { float32: 'F32', float16: 'F16' } as const

/**
 * A prefix as ChatGLM's P-Tuning scripts load it: `pytorch_model.bin`, and the base's `config.json` with `pre_seq_len`.
 * In the type they are stored in, the rows are the same bytes. Yields once.
 * @throws InputError when the adapter is not a prefix of a chatglm base
 */
export async function* exportChatglm(request: ChatglmExport): AsyncGenerator<AdapterFiles, void, void> {
  const model = openModel(request.base)
  const { prefix } = readAdapter(model, request.adapter)
  if (!prefix || model.type !== 'chatglm')
    throw new InputError(
      'invalid_adapter',
      `ChatGLM's scripts know prefixes of chatglm base models; this is ${prefix ? 'a prefix' : 'a LoRA'} of a ` +
        `${model.type} base. Export it as peft`,
    )
  const entry = readHeader(join(request.adapter, tensorFile)).get('prompt_embeddings')!
  const dtype: FloatDtype = request.dtype
    ? dtypes[request.dtype]
    : isFloatDtype(entry.dtype)
      ? entry.dtype
      : 'F32'
  const bytes = dtype === entry.dtype ? readBytes(entry) : fromFloat32(dtype, readTensor(entry))
  const base = JSON.parse(readFileSync(join(request.base, chatglmConfig), 'utf8')) as object
  const config = { ...base, pre_seq_len: prefix.tokens, prefix_projection: false }
  yield {
    [chatglmBin]: await encodeTorch([
      [`${encoderName}embedding.weight`, { dtype, shape: entry.shape, bytes }],
    ]),
    [chatglmConfig]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
  }
}
