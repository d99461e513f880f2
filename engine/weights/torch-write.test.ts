import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { temporary } from '../tiny.case.ts'
import { fromFloat32 } from './dtype.ts'
import { readBytes } from './safetensors.ts'
import { readTorchHeader } from './torch-file.ts'
import { encodeTorch } from './torch-write.ts'

const { root, remove } = temporary()
afterAll(remove)

const values = Float32Array.from({ length: 6 }, (_, i) => i / 4)
const tensors = (['F32', 'F16', 'BF16'] as const).map(
  (dtype) => [`a.${dtype}`, { dtype, shape: [2, 1, 3], bytes: fromFloat32(dtype, values) }] as const,
)

test('our reader finds the tensors that were written', async () => {
  const file = join(root, 'x.bin')
  writeFileSync(file, await encodeTorch(tensors))
  const found = readTorchHeader(file)
  expect([...found.keys()]).toEqual(['a.F32', 'a.F16', 'a.BF16'])
  for (const [name, { dtype, shape, bytes }] of tensors) {
    expect(found.get(name)).toMatchObject({ dtype, shape })
    expect(readBytes(found.get(name)!)).toEqual(Uint8Array.from(bytes))
  }
})

test('the same tensors give the same bytes', async () => {
  expect(await encodeTorch(tensors)).toEqual(await encodeTorch(tensors))
})
