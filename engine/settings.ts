import { workerData } from 'node:worker_threads'
import type { ServingForm } from './decoding/open.ts'

/** What an engine is opened with. */
export type EngineSettings = {
  /** Bytes of adapters that are kept in memory for the next request; 4 GiB when absent. */
  adapterBytes?: number
  /** Bytes that keys and values may take, for each base; a quarter of the machine's memory when absent. */
  cacheBytes?: number
  /** In which form bases serve whose requests name none; what their size suggests when absent. */
  servingForm?: ServingForm
  /** The directory that keeps quantised weights. */
  quantized?: string
}

/** Those of this thread; none where the engine's functions run without a thread of their own. */
export const settings: EngineSettings = workerData?.engineSettings ?? {}
