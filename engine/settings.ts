import { totalmem } from 'node:os'
import { workerData } from 'node:worker_threads'

/** What an engine is opened with. */
export type EngineSettings = {
  /** Bytes of adapters that are kept in memory for the next request; 4 GiB when absent. */
  adapterBytes?: number
  /** Bytes that keys and values of all bases may take; a quarter of the machine's memory when absent. */
  cacheBytes?: number
  /** The directory that keeps quantised weights. */
  quantized?: string
}

const GiB = 2 ** 30
/** Bytes of keys and values where nobody says how many. */
export const defaultCacheBytes = totalmem() / 4

/** Those of this thread; none where the engine's functions run without a thread of their own. */
export const settings: EngineSettings = workerData?.engineSettings ?? {}

/** Bytes of adapters in memory; the LoRAs of a mixed batch are there once more, side by side. */
export const adapterBytes = settings.adapterBytes ?? 4 * GiB
