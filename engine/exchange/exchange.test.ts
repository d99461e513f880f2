import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { binReference, llamaReference } from '../../test/reference/load.ts'
import { InputError } from '../errors.ts'
import { temporary, writeFiles } from '../tiny.case.ts'
import { decodeSafetensors, encodeSafetensors, readBytes, readHeader } from '../weights/safetensors.ts'
import { readTorchHeader } from '../weights/torch-file.ts'
import { encodeTorch } from '../weights/torch-write.ts'
import { type ChatglmExport, exportChatglm } from './export-chatglm.ts'
import { namedBase } from './foreign-files.ts'
import { type ImportRequest, importAdapter } from './import-adapter.ts'

const { root, remove } = temporary()
afterAll(remove)

/** A base model of the sizes that the ChatGLM fixtures are for; its config is all that an import reads. */
const glm = join(root, 'chatglm')
mkdirSync(glm)
const glmConfig = {
  model_type: 'chatglm',
  num_layers: 3,
  hidden_size: 24,
  ffn_hidden_size: 40,
  num_attention_heads: 4,
  kv_channels: 8,
  multi_query_attention: true,
  multi_query_group_num: 2,
  padded_vocab_size: 64,
  pre_seq_len: null,
}
writeFileSync(join(glm, 'config.json'), JSON.stringify(glmConfig))
const llama = llamaReference('llama').directory

let count = 0
const fresh = () => join(root, `${count++}`)
const fixture = (name: string) => join(binReference.directory, name)
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** Imports a directory and answers the one that was made, and what it is. */
async function imported(from: string, more: Partial<ImportRequest> = {}) {
  const to = fresh()
  const [made] = await Array.fromAsync(importAdapter({ base: glm, baseName: 'glm', from, to, ...more }))
  return { to, ...made! }
}
async function exported(adapter: string, more: Partial<ChatglmExport> = {}): Promise<string> {
  const [files] = await Array.fromAsync(exportChatglm({ base: glm, adapter, ...more }))
  return writeFiles(fresh(), files!)
}
const configOf = (directory: string, name = 'adapter_config.json') =>
  JSON.parse(readFileSync(join(directory, name), 'utf8'))
const rowsOf = (directory: string) =>
  readHeader(join(directory, 'adapter_model.safetensors')).get('prompt_embeddings')!
const encoderOf = (directory: string) =>
  readTorchHeader(join(directory, 'pytorch_model.bin')).get('transformer.prefix_encoder.embedding.weight')!

describe("a prefix of ChatGLM's scripts", () => {
  test.each(['chatglm', 'chatglm-half'])('becomes ours and theirs again, byte by byte: %s', async (name) => {
    const { to, peftType } = await imported(fixture(name))
    expect(peftType).toBe('PREFIX_TUNING')
    expect(configOf(to)).toMatchObject({
      peft_type: 'PREFIX_TUNING',
      base_model_name_or_path: 'glm',
      num_virtual_tokens: 5,
      num_layers: 3,
      token_dim: 16,
      preamble_position_rule: 'from_zero',
    })
    const theirs = encoderOf(fixture(name))
    expect(rowsOf(to)).toMatchObject({ dtype: theirs.dtype, shape: theirs.shape })
    expect(readBytes(rowsOf(to))).toEqual(readBytes(theirs))

    const back = await exported(to)
    expect(encoderOf(back)).toMatchObject({ dtype: theirs.dtype, shape: theirs.shape })
    expect(readBytes(encoderOf(back))).toEqual(readBytes(theirs))
    expect(configOf(back, 'config.json')).toEqual({ ...glmConfig, pre_seq_len: 5, prefix_projection: false })

    const again = await imported(back)
    expect(readFileSync(join(again.to, 'adapter_model.safetensors'))).toEqual(
      readFileSync(join(to, 'adapter_model.safetensors')),
    )
    expect(readFileSync(join(await exported(again.to), 'pytorch_model.bin'))).toEqual(
      readFileSync(join(back, 'pytorch_model.bin')),
    )
  })

  test('is exported in the type that was asked for', async () => {
    const { to } = await imported(fixture('chatglm'))
    const half = encoderOf(await exported(to, { dtype: 'float16' }))
    expect(half.dtype).toBe('F16')
    // PyTorch rounded the same rows to float16.
    expect(readBytes(half)).toEqual(readBytes(encoderOf(fixture('chatglm-half'))))
  })

  test('with prefix_projection becomes the rows that its MLP makes', async () => {
    const { to } = await imported(fixture('chatglm-projected'))
    const file = join(fixture('chatglm-projected'), 'rows.safetensors')
    const wanted = decodeSafetensors(readFileSync(file), file).get('rows')!.data
    const rows = decodeSafetensors(readFileSync(join(to, 'adapter_model.safetensors')), to)
    const { data, shape } = rows.get('prompt_embeddings')!
    expect(shape).toEqual([5, 96])
    expect(Math.max(...data.map((x, i) => Math.abs(x - wanted[i]!)))).toBeLessThan(1e-6)
  })

  /** The fixture after a change to its config or its tensors. */
  async function changed(config: object, tensors?: Parameters<typeof encodeTorch>[0]): Promise<string> {
    const from = fresh()
    cpSync(fixture('chatglm'), from, { recursive: true })
    writeFileSync(join(from, 'config.json'), json({ ...configOf(from, 'config.json'), ...config }))
    if (tensors) writeFileSync(join(from, 'pytorch_model.bin'), await encodeTorch(tensors))
    return from
  }
  const zeros = (shape: number[]) =>
    ({ dtype: 'F32', shape, bytes: new Uint8Array(4 * shape.reduce((n, d) => n * d, 1)) }) as const
  const encoder = 'transformer.prefix_encoder.'

  test.each<[why: string, from: () => Promise<string>, message: RegExp]>([
    ['of another depth', () => changed({ num_layers: 28 }), /num_layers is 28, the base model needs 3/],
    [
      'of another number of groups',
      () => changed({ multi_query_attention: false }),
      /multi_query_group_num is 4, the base model needs 2/,
    ],
    ['of another length', () => changed({ pre_seq_len: 6 }), /is \[5,96\], config\.json asks for \[6,96\]/],
    ['without a length', () => changed({ pre_seq_len: null }), /pre_seq_len/],
    ['that lacks its MLP', () => changed({ prefix_projection: true }), /trans\.0\.weight is missing/],
    [
      'with tensors that are no part of it',
      () =>
        changed({}, [
          [`${encoder}embedding.weight`, zeros([5, 96])],
          ['lm_head.weight', zeros([1])],
        ]),
      /lm_head\.weight is no part of a prefix/,
    ],
    ['that is a model', () => changed({}, [['lm_head.weight', zeros([1])]]), /embedding\.weight is missing/],
  ])('%s is refused', async (_, from, message) => {
    await expect(imported(await from())).rejects.toThrow(message)
    await expect(imported(await from())).rejects.toBeInstanceOf(InputError)
  })

  test('is refused on a base of another family, and by a request with the other rule', async () => {
    await expect(imported(fixture('chatglm'), { base: llama })).rejects.toThrow(
      'needs a chatglm base model, this one is llama',
    )
    await expect(imported(fixture('chatglm'), { positionRule: 'after_prefix' })).rejects.toThrow(
      'whose position rule is "from_zero", not "after_prefix"',
    )
  })
})

describe("PEFT's files", () => {
  /** What PEFT saved for the Llama fixture. */
  const peft = join(llama, 'prefix')

  test('are kept as they are', async () => {
    const { to, peftType } = await imported(peft, { base: llama })
    expect(peftType).toBe('PREFIX_TUNING')
    for (const name of readdirSync(to))
      expect(readFileSync(join(to, name))).toEqual(readFileSync(join(peft, name)))
    expect(readdirSync(to).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  })

  test('in their older format become safetensors, byte by byte', async () => {
    const from = fresh()
    cpSync(peft, from, { recursive: true })
    const entry = rowsOf(from)
    const tensor = { dtype: 'F32', shape: entry.shape, bytes: readBytes(entry) } as const
    writeFileSync(join(from, 'adapter_model.bin'), await encodeTorch([['prompt_embeddings', tensor]]))
    rmSync(join(from, 'adapter_model.safetensors'))
    const { to } = await imported(from, { base: llama })
    expect(readBytes(rowsOf(to))).toEqual(tensor.bytes)
  })

  /** A prefix for the ChatGLM base as PEFT saves it, which does not say where positions start. */
  function unstated(more: object = {}): string {
    const config = {
      peft_type: 'PREFIX_TUNING',
      num_virtual_tokens: 1,
      num_layers: 3,
      token_dim: 16,
      ...more,
    }
    const rows = { shape: [1, 96], data: new Float32Array(96) }
    return writeFiles(fresh(), {
      'adapter_config.json': json(config),
      'adapter_model.safetensors': encodeSafetensors([['prompt_embeddings', rows]]),
    })
  }

  test('that leave the position rule of a ChatGLM prefix open are refused with both values, unless told', async () => {
    await expect(imported(unstated())).rejects.toThrow(/"from_zero".*"after_prefix".*say which/s)
    const { to } = await imported(unstated(), { positionRule: 'from_zero' })
    expect(configOf(to)).toMatchObject({ num_virtual_tokens: 1, preamble_position_rule: 'from_zero' })
    const stated = unstated({ preamble_position_rule: 'from_zero' })
    expect(configOf((await imported(stated, { positionRule: 'from_zero' })).to)).toEqual(configOf(stated))
  })

  test('are refused when the request contradicts them or the base', async () => {
    const stated = unstated({ preamble_position_rule: 'from_zero' })
    await expect(imported(stated, { positionRule: 'after_prefix' })).rejects.toThrow(
      'preamble_position_rule is "from_zero", the request says "after_prefix"',
    )
    await expect(imported(unstated(), { positionRule: 'after_prefix' })).rejects.toThrow(
      'preamble_position_rule is after_prefix, the base model needs from_zero',
    )
    await expect(imported(peft, { base: llama, positionRule: 'from_zero' })).rejects.toThrow(
      'preamble_position_rule is from_zero, the base model needs after_prefix',
    )
    await expect(imported(unstated({ peft_type: 'LORA' }), { positionRule: 'from_zero' })).rejects.toThrow(
      'peft_type is "LORA"; only a prefix has a position rule',
    )
  })

  test.each<[why: string, files: Record<string, Uint8Array>, message: RegExp]>([
    ['nothing', {}, /neither adapter_config\.json \(PEFT\) nor pytorch_model\.bin/],
    [
      'no tensors',
      { 'adapter_config.json': json({ peft_type: 'LORA' }) },
      /neither adapter_model\.safetensors nor/,
    ],
    ['no config', { 'pytorch_model.bin': json({}) }, /pytorch_model\.bin has no config\.json beside it/],
    [
      'a giant config',
      { 'adapter_config.json': new Uint8Array(2 ** 20 + 1) },
      /1048577 bytes, more than the limit/,
    ],
    [
      'another method',
      {
        'adapter_config.json': json({ peft_type: 'IA3' }),
        'adapter_model.safetensors': encodeSafetensors([]),
      },
      /peft_type "IA3" is not supported; known: PREFIX_TUNING, LORA/,
    ],
    [
      'a hostile pickle',
      {
        'adapter_config.json': json({ peft_type: 'LORA' }),
        'adapter_model.bin': readFileSync(fixture('hostile/os-system.bin')),
      },
      /adapter_model\.bin cannot be read as PyTorch's tensors: its pickle wants posix\.system/,
    ],
    [
      'a damaged safetensors file',
      {
        'adapter_config.json': json({
          peft_type: 'PREFIX_TUNING',
          num_virtual_tokens: 1,
          num_layers: 3,
          token_dim: 16,
          preamble_position_rule: 'from_zero',
        }),
        'adapter_model.safetensors': new Uint8Array(9).fill(0x7f),
      },
      /adapter_model\.safetensors is not a readable safetensors file/,
    ],
  ])('are refused when there is %s', async (_, files, message) => {
    const from = writeFiles(fresh(), files)
    await expect(imported(from)).rejects.toThrow(message)
    await expect(imported(from)).rejects.toBeInstanceOf(InputError)
  })
})

test("only a chatglm base's prefix is exported as ChatGLM's", async () => {
  const adapter = join(llama, 'prefix')
  await expect(exported(adapter, { base: llama })).rejects.toThrow(
    "ChatGLM's scripts know prefixes of chatglm base models; this is a prefix of a llama base. Export it as peft",
  )
})

test('an adapter names its base in either format', () => {
  const named = (name: string, config: object) => namedBase(writeFiles(fresh(), { [name]: json(config) }))
  expect(named('adapter_config.json', { base_model_name_or_path: 'a/b' })).toBe('a/b')
  expect(named('adapter_config.json', { base_model_name_or_path: '' })).toBeUndefined()
  expect(named('config.json', { _name_or_path: 'THUDM/chatglm3-6b' })).toBe('THUDM/chatglm3-6b')
  expect(named('config.json', {})).toBeUndefined()
  expect(() => named('adapter_config.json', { base_model_name_or_path: 3 })).toThrow(InputError)
})
