/** What the tests on WebGPU share: whether there is one, and which nodes ran elsewhere. */
import { readFileSync } from 'node:fs'
import { afterAll } from 'vitest'
import { openDevice } from './device.ts'

/**
 * The device, held for a whole test file, or why there is none to test on. Where a driver is named it has to work.
 */
const opened: AsyncDisposable | string = await openDevice('webgpu').catch((error: Error) => {
  if (process.env.VK_ICD_FILENAMES) throw error
  return `${error.message}; the file of a software driver can be named in VK_ICD_FILENAMES`
})
export const noWebgpu = typeof opened === 'string' ? opened : undefined
if (typeof opened !== 'string') afterAll(() => opened[Symbol.asyncDispose]())

type Trace = {
  cat: string
  args: { provider?: string; op_name: string; input_type_shape: Record<string, number[]>[] }
}

/** From a profile to the nodes that cost a GPU a wait: floats computed on the CPU, and copies back to it. */
export function strays(profile: string): string[] {
  const nodes = (JSON.parse(readFileSync(profile, 'utf8')) as Trace[]).filter(({ args }) => args?.provider)
  if (nodes.length === 0) throw new Error(`${profile} tells of no node`)
  return nodes.flatMap(({ args: { provider, op_name, input_type_shape } }) => {
    const floats = input_type_shape.some((type) => Object.keys(type).some((name) => name !== 'int64'))
    const onCpu = provider === 'CPUExecutionProvider' && floats
    return onCpu || op_name === 'MemcpyToHost' ? [`${op_name} ${JSON.stringify(input_type_shape)}`] : []
  })
}
