import { totalmem } from 'node:os'
import { defaultCacheBytes } from '../../engine/index.ts'
import type { Config } from '../../infra/config.ts'
import type { Base } from './bases.ts'
import { about, type Finding, inWords } from './finding.ts'

const memory = about('memory')

/** Whether the largest base, the cache of keys and values and the adapters fit together into what there is. */
export function checkMemory(
  { serving, adapterBytes }: Pick<Config, 'serving' | 'adapterBytes'>,
  bases: readonly Pick<Base, 'id' | 'bytes'>[],
): Finding {
  const limit = process.constrainedMemory() // of the container; 0: none
  const there = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  const cache = serving.cacheBytes ?? defaultCacheBytes
  const [largest] = [...bases].sort((a, b) => b.bytes - a.bytes)
  const wanted = (largest?.bytes ?? 0) + cache + adapterBytes
  const told =
    `${inWords(there)}; ${largest ? `weights of ${largest.id} ${inWords(largest.bytes)}, ` : ''}` +
    `keys and values up to ${inWords(cache)}, adapters up to ${inWords(adapterBytes)}`
  if (wanted <= there) return memory.ok(told)
  return memory.warn(`${told}: too much together; lower PREAMBLE_KV_BYTES or PREAMBLE_ADAPTER_BYTES`)
}
