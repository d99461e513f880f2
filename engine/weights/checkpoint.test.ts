import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { binReference } from '../../test/reference/load.ts'
import { temporary } from '../tiny.case.ts'
import { openCheckpoint, tensorOf } from './checkpoint.ts'
import { encodeSafetensors, readTensor } from './safetensors.ts'

const { root, remove } = temporary()
afterAll(remove)

/** A directory with these files; a number array stands for a file with tensor `name` of those values. */
function directory(files: Record<string, { [name: string]: number[] } | string>): string {
  const path = mkdtempSync(join(root, 'checkpoint-'))
  for (const [name, content] of Object.entries(files)) {
    const bytes = () =>
      encodeSafetensors(
        Object.entries(content).map(([n, v]) => [n, { shape: [v.length], data: Float32Array.from(v) }]),
      )
    writeFileSync(join(path, name), typeof content === 'string' ? content : bytes())
  }
  return path
}

const index = (weightMap: unknown) => JSON.stringify({ metadata: {}, weight_map: weightMap })

test('a single file gives its tensors', () => {
  const checkpoint = openCheckpoint(directory({ 'model.safetensors': { x: [1, 2] } }))
  expect(readTensor(tensorOf(checkpoint, 'x', [2]))).toEqual(Float32Array.of(1, 2))
})

test('shards give their tensors through the index', () => {
  const checkpoint = openCheckpoint(
    directory({
      'a.safetensors': { x: [1], y: [2, 3] },
      'b.safetensors': { z: [4] },
      'model.safetensors.index.json': index({ x: 'a.safetensors', z: 'b.safetensors', y: 'a.safetensors' }),
    }),
  )
  expect([...checkpoint.tensors.keys()].sort()).toEqual(['x', 'y', 'z'])
  expect(readTensor(tensorOf(checkpoint, 'z', [1]))).toEqual(Float32Array.of(4))
})

test('weights that PyTorch saved are read where they lie, whole or in shards', () => {
  const single = directory({})
  copyFileSync(join(binReference.directory, 'module.bin'), join(single, 'pytorch_model.bin'))
  expect([...openCheckpoint(single).tensors.keys()]).toEqual(['weight', 'bias'])

  const shards = directory({ 'pytorch_model.bin.index.json': index({ bias: 'a.bin', whole: 'b.bin' }) })
  copyFileSync(join(binReference.directory, 'module.bin'), join(shards, 'a.bin'))
  copyFileSync(join(binReference.directory, 'shared.bin'), join(shards, 'b.bin'))
  const whole = tensorOf(openCheckpoint(shards), 'whole', [6, 4])
  expect(readTensor(whole)).toEqual(Float32Array.from({ length: 24 }, (_, i) => i))
})

test('of weights in both formats the safetensors are taken', () => {
  const both = directory({ 'model.safetensors': { x: [1] }, 'pytorch_model.bin': 'never read' })
  expect([...openCheckpoint(both).tensors.keys()]).toEqual(['x'])
})

test('a missing tensor is named with its directory', () => {
  const path = directory({ 'model.safetensors': { x: [1] } })
  expect(() => tensorOf(openCheckpoint(path), 'y', [1])).toThrow(
    `${path}: tensor "y" is missing (1 tensors there)`,
  )
})

test('a tensor of another shape is named with both shapes', () => {
  const path = directory({ 'model.safetensors': { x: [1, 2] } })
  expect(() => tensorOf(openCheckpoint(path), 'x', [1, 2])).toThrow(
    'tensor "x" has shape [2], the config asks for [1, 2]',
  )
})

test.each<[problem: string, files: Parameters<typeof directory>[0], message: RegExp]>([
  [
    'a directory without weights',
    { 'config.json': '{}' },
    /has no weights; a base model has one of model.saf/,
  ],
  [
    'a broken pytorch_model.bin',
    { 'pytorch_model.bin': '' },
    /pytorch_model.bin cannot be read as PyTorch's/,
  ],
  ['an index that is not JSON', { 'model.safetensors.index.json': '{' }, /index.json is not JSON/],
  ['an index without a map', { 'model.safetensors.index.json': '{}' }, /"weight_map" must be an object/],
  [
    'a shard that does not exist',
    { 'model.safetensors.index.json': index({ x: 'a.safetensors' }) },
    /lists the shard a.safetensors, but .* does not exist/,
  ],
  [
    'a shard outside the directory',
    { 'model.safetensors.index.json': index({ x: '../a.safetensors' }) },
    /"x" lies in "..\/a.safetensors", not a plain file name/,
  ],
  [
    'a tensor that its shard lacks',
    { 'a.safetensors': { x: [1] }, 'model.safetensors.index.json': index({ y: 'a.safetensors' }) },
    /puts tensor "y" in a.safetensors, which does not have it/,
  ],
])('%s is refused', (_, files, message) => {
  expect(() => openCheckpoint(directory(files))).toThrow(message)
})
