/** A compiled graph: emits it, opens it in ONNX Runtime, and runs it. */
import { availableParallelism } from 'node:os'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Node } from '../graph/node.ts'
import { emit } from '../onnx/emit.ts'
import { onnxRules } from '../onnx/rules.ts'
import { webgpuRules } from '../onnx/webgpu-rules.ts'
import type { Device } from './device.ts'

/** What a caller feeds or gets: float32 or int64 data with its shape, row-major. */
export type Value = { data: Float32Array | BigInt64Array; shape: readonly number[] }

/** A value in the memory of a device, there for every session on it to be fed, until it is released. */
export class Resident {
  readonly #tensor: Tensor
  constructor(tensor: Tensor) {
    this.#tensor = tensor
  }
  get tensor(): Tensor {
    return this.#tensor
  }
  release(): void {
    this.#tensor.dispose()
  }
}

/** What came of an output that is kept where it is: on WebGPU it stays there, elsewhere it is an array like any other. */
export type Held = Value | Resident

export type SessionOptions<Kept extends string = never> = {
  /** Where it runs; the CPU by default. */
  device?: Device
  /** Outputs that stay on the device, if that has a memory of its own. */
  keep?: readonly Kept[]
  /** All cores by default. */
  threads?: number
  /** Pack weights for faster products of few rows; costs a copy of them. Right for decoding, not for training. */
  prepack?: boolean
  /** Idle threads wait in a loop: faster runs in a row, but it slows other sessions. Right for training. */
  spin?: boolean
  /** Writes ONNX Runtime's profile to files with this prefix when the session closes. */
  profile?: string
}

export class Session<Output extends string = string, Kept extends string = never> {
  readonly #session: InferenceSession

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  /** Compiles a graph whose outputs are named by the keys of `outputs`. */
  static async open<Output extends string, Kept extends Output = never>(
    outputs: Readonly<Record<Output, Node>>,
    options: SessionOptions<Kept> = {},
  ): Promise<Session<Exclude<Output, Kept>, Kept>> {
    const { device = 'cpu', keep = [] } = options
    const session = await InferenceSession.create(
      emit(outputs, device === 'webgpu' ? webgpuRules : onnxRules),
      {
        executionProviders: [device],
        // On CUDA, outputs can only be had from the host's memory.
        ...(device === 'webgpu' && {
          preferredOutputLocation: Object.fromEntries(keep.map((name) => [name, 'gpu-buffer' as const])),
        }),
        intraOpNumThreads: options.threads ?? availableParallelism(),
        // A memory pattern takes a second block as large as everything the first run needed.
        enableMemPattern: false,
        enableProfiling: options.profile !== undefined,
        profileFilePrefix: options.profile,
        logSeverityLevel: 3,
        extra: {
          session: {
            // Weight locations in the model are paths from the root; ONNX Runtime maps the files.
            model_external_initializers_file_folder_path: '/',
            // Else dequantised weights would be computed ahead and kept, or once more for each use.
            disable_qdq_constant_folding: '1',
            disable_quant_qdq: '1',
            disable_prepacking: options.prepack ? '0' : '1',
            intra_op: { allow_spinning: options.spin ? '1' : '0' },
          },
        },
      },
    )
    return new Session(session)
  }

  /** One blocking run. Inputs are read in place; outputs are fresh. */
  async run(feeds: Readonly<Record<string, Held>>): Promise<Record<Output, Value> & Record<Kept, Held>> {
    const tensors = Object.entries(feeds).map(([name, value]) => [name, tensor(value)] as const)
    const results = await this.#session.run(Object.fromEntries(tensors))
    const values = Object.entries(results).map(([name, result]) => [name, held(result)] as const)
    return Object.fromEntries(values) as Record<Output, Value> & Record<Kept, Held>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.endProfiling()
    await this.#session.release()
  }
}

const tensor = (value: Held): Tensor => {
  if (value instanceof Resident) return value.tensor
  const { data, shape } = value
  return data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape)
}

const held = (result: Tensor): Held =>
  result.location === 'cpu'
    ? { data: result.data as Value['data'], shape: result.dims }
    : new Resident(result)
