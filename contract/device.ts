import { z } from 'zod'

/** Where a model computes: on the processor, on any GPU through WebGPU, or on NVIDIA's through CUDA. */
export const Device = z.enum(['cpu', 'webgpu', 'cuda']).meta({ id: 'Device' })
export type Device = z.infer<typeof Device>
