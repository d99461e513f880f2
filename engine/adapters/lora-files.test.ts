import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openModel } from '../models/open.ts'
import { temporary, writeBase, writeFiles } from '../tiny.case.ts'
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts'
import { type AdapterFiles, configFile, tensorFile } from './adapter-files.ts'
import { loraAdapter } from './lora.ts'
import { readAdapter } from './peft.ts'

const { root, remove } = temporary()
afterAll(remove)
const model = openModel(writeBase(join(root, 'base')))
const adapter = loraAdapter(model, 'some-base', {
  peft_type: 'LORA',
  r: 4,
  lora_alpha: 12,
  lora_dropout: 0.1,
  use_rslora: false,
  rank_pattern: { 'layers.1.self_attn.q_proj': 2 },
  alpha_pattern: {},
})
const parameters = adapter.init(1)
for (const [name, { data }] of parameters) if (name.includes('lora_B')) data.fill(0.5)
const files = await adapter.files(parameters)
const config = JSON.parse(new TextDecoder().decode(files[configFile])) as Record<string, unknown>

test('the files are named and spelled as PEFT does', () => {
  expect(config).toMatchObject({ peft_type: 'LORA', r: 4, target_modules: ['q_proj', 'v_proj'] })
  const tensors = decodeSafetensors(files[tensorFile]!, 'files')
  expect(tensors.get('base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight')!.shape).toEqual([
    2, 32,
  ])
  expect(tensors.get('base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight')!.shape).toEqual([
    16, 4,
  ])
  expect(tensors.size).toBe(8)
})

test('they give the same LoRA back, its scale multiplied into B', () => {
  const { lora } = readAdapter(model, writeFiles(join(root, 'whole'), files))
  expect(lora!.targets.map(({ rank, scale }) => [rank, scale])).toEqual([
    [4, 1],
    [4, 1],
    [2, 1],
    [4, 1],
  ])
  const at = (name: string) => lora!.parameters.get(`model.layers.${name}.weight`)!.data
  expect(at('0.self_attn.q_proj.lora_A')).toEqual(
    parameters.get('model.layers.0.self_attn.q_proj.lora_A.weight')!.data,
  )
  expect(at('0.self_attn.q_proj.lora_B')[0]).toBe(1.5)
  expect(at('1.self_attn.q_proj.lora_B')[0]).toBe(3)
})

describe('a LoRA is refused', () => {
  let count = 0
  const refusal = (changed: object, tensors?: AdapterFiles[string]) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...config, ...changed }))
    const at = writeFiles(join(root, `refused-${count++}`), {
      [configFile]: bytes,
      [tensorFile]: tensors ?? files[tensorFile]!,
    })
    try {
      readAdapter(model, at)
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_adapter' })
      return (error as Error).message
    }
    return undefined
  }

  test('not when keys say that nothing special is asked for', () => {
    const empty = { use_dora: false, modules_to_save: null, layers_to_transform: [], corda_config: {} }
    expect(refusal(empty)).toBeUndefined()
    expect(refusal({ init_lora_weights: 'gaussian', lora_dropout: 0.5, megatron_core: 'x' })).toBeUndefined()
  })

  test.each([
    ['DoRA', { use_dora: true }, 'use_dora is true; this variant of LoRA is not supported'],
    ['saved modules', { modules_to_save: ['lm_head'] }, 'modules_to_save is ["lm_head"]'],
    ['a bias of its own', { lora_bias: true }, 'lora_bias is true'],
    ['trained biases', { bias: 'all' }, 'bias'],
    ['trained tokens', { trainable_token_indices: [1] }, 'trainable_token_indices is [1]'],
    ['some layers only', { layers_to_transform: [0] }, 'layers_to_transform is [0]'],
    ['a changed base', { init_lora_weights: 'pissa' }, 'init_lora_weights'],
    ['a variant of tomorrow', { use_whatever: 3 }, 'use_whatever is 3'],
  ])('with %s, by name', (_, changed, message) => {
    expect(refusal(changed)).toContain(message)
  })

  test('when its rank is another than its config says, with both shapes', () => {
    expect(refusal({ rank_pattern: {} })).toMatch(
      /layers\.1\.self_attn\.q_proj\.lora_A\.weight is \[2,32\], .* \[4,32\]/,
    )
  })

  test('when its config names modules that it has no tensors of', () => {
    expect(refusal({ target_modules: ['q_proj', 'k_proj', 'v_proj'] })).toMatch(
      /k_proj\.lora_A\.weight is missing/,
    )
  })

  test('when it has tensors that its config does not name', () => {
    expect(refusal({ target_modules: ['q_proj'] })).toMatch(/v_proj.* belongs to no module/)
  })

  test('when it was made for a wider base, with both shapes', () => {
    const wide = [...decodeSafetensors(files[tensorFile]!, 'files')].map(
      ([name, { shape, data }]) =>
        [
          name,
          name.includes('lora_A')
            ? { shape: [shape[0]!, 16], data: data.slice(0, shape[0]! * 16) }
            : { shape, data },
        ] as const,
    )
    expect(refusal({}, encodeSafetensors(wide))).toMatch(
      /lora_A\.weight is \[4,16\], the base model needs \[4,32\]/,
    )
  })
})
