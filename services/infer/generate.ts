/** From a request to the answers of the engine, whatever the endpoint. */
import type { ChatRequest, ResponseFormat } from '../../contract/chat.ts'
import { ApiError } from '../../contract/errors.ts'
import type { EngineThread, GenerateEvent, GenerateRequest, Prompt, ReplyFormat } from '../../engine/index.ts'
import { type From, merge } from './merge.ts'
import { type ModelDeps, openModel } from './open-model.ts'

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

/**
 * Generates the `n` answers to the first prompt, those to the second, …, all at the same time.
 * @throws ApiError before the first `start` when there is no such model or the prompt does not fit
 */
export async function* generate(
  deps: ModelDeps & { engine: EngineThread },
  { model, prompts, param, n, ...asked }: Asked,
  signal: AbortSignal,
): Generation {
  const files = await openModel(deps, model)
  const streams = prompts.flatMap((prompt) =>
    Array.from({ length: n }, (_, i) => deps.engine.generate({ ...files, prompt, ...settings(asked, i) })),
  )
  const stop = () => {
    for (const stream of streams) void stream.return()
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) return
  yield* merge(streams.map((stream) => whole(stream, param, signal)))
}

/** Of the answer `i` to a prompt: it has a seed of its own. */
const settings = (
  asked: Omit<Asked, 'model' | 'prompts' | 'param' | 'n'>,
  i: number,
): Omit<GenerateRequest, 'base' | 'adapter' | 'prompt'> => ({
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

/** A stream of the engine that comes to its end, unless the client has gone. */
async function* whole(
  stream: AsyncGenerator<GenerateEvent, void, void>,
  param: string,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  let last: GenerateEvent | undefined
  try {
    for await (last of stream) yield last
  } catch (error) {
    throw asRefusal(error, param)
  }
  if (last?.type !== 'end' && !signal.aborted)
    throw new ApiError('overloaded', 'the server stops and has cut the answer off; ask again')
}

/** What the engine says of a request that cannot be met, with the field that is at fault. */
function asRefusal(error: unknown, param: string): unknown {
  const { code, message } = error as Error & { code?: unknown }
  switch (code) {
    case 'context_length_exceeded':
      return new ApiError(code, message, { param, cause: error })
    case 'invalid_messages':
    case 'invalid_prompt':
      return new ApiError('invalid_value', message, { param, cause: error })
    case 'invalid_format':
      return new ApiError('invalid_value', message, { param: 'response_format', cause: error })
    case 'invalid_logit_bias':
      return new ApiError('invalid_value', message, { param: 'logit_bias', cause: error })
    default:
      return error
  }
}
