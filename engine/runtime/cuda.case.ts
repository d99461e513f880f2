import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))

/** Whether ONNX Runtime's CUDA files were fetched, which an install leaves out. */
export const hasCudaFiles: boolean = existsSync(
  join(runtime, 'bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so'),
)
