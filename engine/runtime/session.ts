/** A compiled graph: emits it, opens it in ONNX Runtime, and runs it. */
import { availableParallelism } from 'node:os'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Node } from '../graph/node.ts'
import { emit } from '../onnx/emit.ts'

/** What a caller feeds or gets: float32 or int64 data with its shape, row-major. */
export type Value = { data: Float32Array | BigInt64Array; shape: readonly number[] }

export type SessionOptions = {
  /** All cores by default. */
  threads?: number
  /** Pack weights for faster products of few rows; costs a copy of them. Right for decoding, not for training. */
  prepack?: boolean
  /** Idle threads wait in a loop: faster runs in a row, but it slows other sessions. Right for training. */
  spin?: boolean
  /** Writes ONNX Runtime's profile to files with this prefix when the session closes. */
  profile?: string
}

export class Session<Output extends string = string> {
  readonly #session: InferenceSession

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  /** Compiles a graph whose outputs are named by the keys of `outputs`. */
  static async open<Output extends string>(
    outputs: Readonly<Record<Output, Node>>,
    options: SessionOptions = {},
  ): Promise<Session<Output>> {
    const session = await InferenceSession.create(emit(outputs), {
      executionProviders: ['cpu'],
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
          disable_prepacking: options.prepack ? '0' : '1',
          intra_op: { allow_spinning: options.spin ? '1' : '0' },
        },
      },
    })
    return new Session(session)
  }

  /** One blocking run. Inputs are read in place; outputs are fresh arrays. */
  async run(feeds: Readonly<Record<string, Value>>): Promise<Record<Output, Value>> {
    const tensors = Object.entries(feeds).map(
      ([name, { data, shape }]) => [name, tensor(data, shape)] as const,
    )
    const results = await this.#session.run(Object.fromEntries(tensors))
    const values = Object.entries(results).map(
      ([name, { data, dims }]) => [name, { data, shape: dims }] as const,
    )
    return Object.fromEntries(values) as Record<Output, Value>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.endProfiling()
    await this.#session.release()
  }
}

const tensor = (data: Value['data'], shape: readonly number[]): Tensor =>
  data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape)
