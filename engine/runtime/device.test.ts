import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { hasCudaFiles } from './cuda.case.ts'
import { openDevice } from './device.ts'

test('the CPU is always there', async () => {
  await using device = await openDevice('cpu')
  expect(device).toBeDefined()
})

test.skipIf(hasCudaFiles)('CUDA without its files is an error that says how to get them', async () => {
  await expect(openDevice('cuda')).rejects.toThrow(
    /^the device cuda cannot be used: it needs an NVIDIA GPU .*--onnxruntime-node-install=cuda12/,
  )
})

// The driver is looked for once in a process, so the check runs in one of its own.
test.skipIf(process.platform !== 'linux')('WebGPU without a driver is an error that says so', async () => {
  const module = new URL('./device.ts', import.meta.url).href
  const script = `(await import('${module}')).openDevice('webgpu').catch((e) => console.log(e.message))`
  const env = { ...process.env, VK_ICD_FILENAMES: '/no/driver.json' }
  const { stdout } = await promisify(execFile)('node', ['--input-type=module', '-e', script], { env })
  expect(stdout).toMatch(
    /^the device webgpu cannot be used: it needs a GPU with a driver for Vulkan.*No supported adapters/,
  )
})
