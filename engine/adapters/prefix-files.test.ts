import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { llamaReference } from '../../test/reference/load.ts'
import { InputError } from '../errors.ts'
import { openModel } from '../models/open.ts'
import { temporary, writeFiles } from '../tiny.case.ts'
import { encodeSafetensors } from '../weights/safetensors.ts'
import { readAdapter } from './peft.ts'
import { joinRows, prefixFiles, splitRows } from './prefix-files.ts'

const { directory } = llamaReference('llama')
const model = openModel(directory)
const width = model.kvHeads * model.headDim
const [tokens, layers] = [5, model.layers]
/** Every value its own number: which of the values, in which of the tensor's rows and columns. */
const data = Float32Array.from({ length: tokens * layers * 2 * width }, (_, i) => i)
const prefix = splitRows(data, tokens, layers)

const { root, remove } = temporary()
afterAll(remove)

test("a row holds a layer's key, then its value, then the next layer's", () => {
  const row = layers * 2 * width
  expect([prefix.keys.length, prefix.values.length]).toEqual([layers, layers])
  expect(prefix.keys[0]!.length).toBe(tokens * width)
  expect(prefix.keys[1]![3 * width + 7]).toBe(3 * row + 2 * width + 7)
  expect(prefix.values[1]![3 * width + 7]).toBe(3 * row + 3 * width + 7)
  expect(joinRows(prefix)).toEqual(data)
})

test('the files of a prefix give the same prefix back', () => {
  const files = prefixFiles(model, 'some-base', prefix)
  expect(Object.keys(files)).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  expect(readAdapter(model, writeFiles(join(root, 'whole'), files))).toEqual({ prefix })
  expect(JSON.parse(new TextDecoder().decode(files['adapter_config.json']))).toMatchObject({
    peft_type: 'PREFIX_TUNING',
    base_model_name_or_path: 'some-base',
    num_virtual_tokens: 5,
    token_dim: width,
    num_layers: layers,
    num_attention_heads: model.kvHeads,
  })
})

test('an adapter that hashes to what is wanted is that version', () => {
  const files = prefixFiles(model, 'some-base', prefix)
  const hash = createHash('sha256').update(files['adapter_model.safetensors']!).digest('hex')
  expect(readAdapter(model, writeFiles(join(root, 'hashed'), files), hash)).toEqual({ prefix })
})

describe('an adapter is refused, with its file', () => {
  let count = 0
  /** Reads the prefix's files after a change to its config or its tensors. */
  function refusal(config: object, tensor?: { name?: string; shape?: number[] }): InputError {
    const files = prefixFiles(model, 'some-base', prefix)
    const whole = JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as object
    files['adapter_config.json'] = new TextEncoder().encode(JSON.stringify({ ...whole, ...config }))
    if (tensor) {
      const { name = 'prompt_embeddings', shape = [data.length] } = tensor
      files['adapter_model.safetensors'] = encodeSafetensors([[name, { shape, data }]])
    }
    const at = writeFiles(join(root, `refused-${count++}`), files)
    try {
      readAdapter(model, at)
    } catch (error) {
      expect(error).toBeInstanceOf(InputError)
      expect(error).toMatchObject({ code: 'invalid_adapter' })
      expect((error as Error).message).toContain(at)
      return error as InputError
    }
    throw new Error('it was read')
  }

  test('when it has another number of layers than the base', () => {
    expect(refusal({ num_layers: 28 }).message).toContain('num_layers is 28, the base model needs 3')
  })
  test('when its rows have another width', () => {
    expect(refusal({ token_dim: 48 }).message).toContain('token_dim is 48, the base model needs 32')
  })
  test('when its kind is not known', () => {
    expect(refusal({ peft_type: 'IA3' }).message).toContain(
      'peft_type "IA3" is not supported; known: PREFIX_TUNING, LORA',
    )
  })
  test('when its tensor has another shape than its config says', () => {
    expect(refusal({ num_virtual_tokens: 6 }).message).toContain(
      'prompt_embeddings is [5,192], adapter_config.json says [6,192]',
    )
  })
  test('when the tensor is missing', () => {
    expect(refusal({}, { name: 'other' }).message).toContain('prompt_embeddings is missing')
  })
  test('when its tokens count positions otherwise than this base does', () => {
    const { message } = refusal({ preamble_position_rule: 'from_zero' })
    expect(message).toContain('preamble_position_rule is from_zero, the base model needs after_prefix')
  })
  test('when a file is missing or damaged', () => {
    const missing = writeFiles(join(root, 'missing'), {})
    expect(() => readAdapter(model, missing)).toThrow(InputError)
    expect(() => readAdapter(model, missing)).toThrow(
      `${join(missing, 'adapter_config.json')} does not exist`,
    )
    const damaged = writeFiles(join(root, 'damaged'), { 'adapter_config.json': new Uint8Array([0x7b]) })
    expect(() => readAdapter(model, damaged)).toThrow(`${join(damaged, 'adapter_config.json')} is not JSON`)
  })
})
