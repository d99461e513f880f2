/** From a request to the answers of the engine, whatever the endpoint. */
import { sep } from 'node:path'
import type { ChatRequest, ResponseFormat } from '../../contract/chat.ts'
import { ApiError } from '../../contract/errors.ts'
import type { EngineThread, GenerateEvent, GenerateRequest, Prompt, ReplyFormat } from '../../engine/index.ts'
import { toApiError } from '../../infra/http/errors.ts'
import { type Call, whyEnded } from './call.ts'
import { type From, merge } from './merge.ts'
import type { Measured, Meter } from './meter.ts'
import { type ModelDeps, type ModelFiles, openModel } from './open-model.ts'

/** Of each answer, by its index: `start`, any number of `delta`, `end`. */
export type Generation = AsyncGenerator<From<GenerateEvent>, void, void>

type Sampling = Pick<
  ChatRequest,
  | 'temperature'
  | 'top_p'
  | 'top_k'
  | 'min_p'
  | 'repetition_penalty'
  | 'frequency_penalty'
  | 'presence_penalty'
  | 'logit_bias'
  | 'seed'
  | 'stop'
  | 'max_tokens'
>

export type Asked = Sampling & {
  model: string
  prompts: readonly Prompt[]
  /** The request's field that they came from. */
  param: string
  /** Answers to each prompt. */
  n: number
  echo?: boolean
  response_format?: ResponseFormat | null
  /** How many tokens to tell beside each one; none are told when absent. */
  topLogprobs?: number
}

export type GenerateDeps = ModelDeps & { engine: EngineThread; meter: Meter }

/**
 * Generates the `n` answers to the first prompt, those to the second, …, all at the same time.
 * @throws ApiError before the first `start` when there is no such model or the prompt does not fit; later when the call
 * is ended before the answers are complete
 */
export async function* generate(
  deps: GenerateDeps,
  { model, prompts, param, n, ...asked }: Asked,
  call: Call,
): Generation {
  const files = await openModel(deps, model)
  const streams = prompts.flatMap((prompt) =>
    Array.from({ length: n }, (_, i) =>
      deps.engine.generate({ ...files, prompt, tenant: deps.project, ...settings(asked, i) }),
    ),
  )
  // Told at once, not when the next text comes: a prompt may still be read, or wait for its turn.
  const stop = () => {
    for (const stream of streams) void stream.return()
  }
  call.signal.addEventListener('abort', stop, { once: true })
  try {
    const refusal = (error: unknown) => asApiError(error, deps, { model, files, param })
    yield* merge(streams.map((stream) => whole(stream, call, deps.meter.begin(model, call.told), refusal)))
  } finally {
    call.signal.removeEventListener('abort', stop)
  }
}

/** Of the answer `i` to a prompt: it has a seed of its own. */
const settings = (
  asked: Omit<Asked, 'model' | 'prompts' | 'param' | 'n'>,
  i: number,
): Omit<GenerateRequest, keyof ModelFiles | 'prompt' | 'tenant'> => ({
  temperature: asked.temperature,
  topP: asked.top_p,
  topK: asked.top_k,
  minP: asked.min_p,
  repetitionPenalty: asked.repetition_penalty,
  frequencyPenalty: asked.frequency_penalty,
  presencePenalty: asked.presence_penalty,
  logitBias: asked.logit_bias,
  seed: asked.seed == null ? undefined : asked.seed + i,
  stop: asked.stop,
  maxTokens: asked.max_tokens ?? undefined,
  echo: asked.echo,
  format: formatOf(asked.response_format),
  logprobs: asked.topLogprobs,
})

function formatOf(format: ResponseFormat | null | undefined): ReplyFormat | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return { type: format.type }
    case 'json_schema':
      return { type: format.type, schema: format.json_schema.schema }
  }
}

/** A stream of the engine that comes to its end, unless the call is ended before. */
async function* whole(
  stream: AsyncGenerator<GenerateEvent, void, void>,
  call: Call,
  measured: Measured,
  refusal: (error: unknown) => Promise<ApiError>,
): AsyncGenerator<GenerateEvent, void, void> {
  let last: GenerateEvent | undefined
  let error: ApiError | undefined
  try {
    if (call.signal.aborted) throw whyEnded(call)
    for await (last of stream) {
      measured.saw(last)
      yield last
    }
    if (call.signal.aborted && last?.type !== 'end') throw whyEnded(call)
    if (last?.type !== 'end')
      throw new ApiError('shutting_down', 'the server stops and has cut the answer off')
  } catch (thrown) {
    error = await refusal(thrown)
    throw error
  } finally {
    measured.done(error?.code)
  }
}

type About = { model: string; files: ModelFiles; param: string }

/** What the engine throws, in the words of the API. */
async function asApiError(
  thrown: unknown,
  deps: ModelDeps,
  { model, files, param }: About,
): Promise<ApiError> {
  const { code, message } = thrown as Error & { code?: unknown }
  const about = { param, cause: thrown }
  switch (code) {
    case 'context_length_exceeded':
      return new ApiError(code, message, about)
    case 'invalid_messages':
    case 'invalid_prompt':
      return new ApiError('invalid_value', message, about)
    case 'invalid_format':
      return new ApiError('invalid_value', message, { param: 'response_format', cause: thrown })
    case 'invalid_logit_bias':
      return new ApiError('invalid_value', message, { param: 'logit_bias', cause: thrown })
    case 'overloaded':
      return new ApiError(code, message, { cause: thrown })
    case 'invalid_adapter':
      return adapterError(deps, model, files, thrown as Error)
    default:
      return toApiError(thrown)
  }
}

/** An adapter that cannot be read may have been deleted since it was looked up. */
async function adapterError(deps: ModelDeps, model: string, { adapter = '' }: ModelFiles, cause: Error) {
  const gone = await openModel(deps, model).then(
    () => undefined,
    (error: unknown) => toApiError(error),
  )
  const told = cause.message.replaceAll(adapter + sep, '')
  return (
    gone ?? new ApiError('invalid_adapter', `"${model}" cannot be used: ${told}`, { param: 'model', cause })
  )
}
