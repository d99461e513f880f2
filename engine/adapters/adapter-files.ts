import { createHash } from 'node:crypto'
import { encodeSafetensors, type Tensor } from '../weights/safetensors.ts'

/** An adapter's files by name. */
export type AdapterFiles = Record<string, Uint8Array>

export const configFile = 'adapter_config.json'
export const tensorFile = 'adapter_model.safetensors'

/** What tells one version of an adapter from another: SHA-256 of its tensors' file, in hexadecimal. */
export function adapterHash(tensors: Uint8Array): string {
  const hash = createHash('sha256')
  const most = 2 ** 30 // one call takes less than 2 GiB
  for (let i = 0; i < tensors.length; i += most) hash.update(tensors.subarray(i, i + most))
  return hash.digest('hex')
}

/** The two files that PEFT keeps an adapter in. */
export const adapterFiles = (config: object, tensors: Iterable<readonly [string, Tensor]>): AdapterFiles => ({
  [configFile]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
  [tensorFile]: encodeSafetensors(tensors),
})
