import { encodeSafetensors, type Tensor } from '../weights/safetensors.ts'

/** An adapter's files by name. */
export type AdapterFiles = Record<string, Uint8Array>

export const configFile = 'adapter_config.json'
export const tensorFile = 'adapter_model.safetensors'

/** The two files that PEFT keeps an adapter in. */
export const adapterFiles = (config: object, tensors: Iterable<readonly [string, Tensor]>): AdapterFiles => ({
  [configFile]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
  [tensorFile]: encodeSafetensors(tensors),
})
