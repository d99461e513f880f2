/** From a request to a stream of text, whatever the endpoint. */
import type { ChatRequest } from '../../contract/chat.ts'
import { ApiError } from '../../contract/errors.ts'
import type { FinishReason, Usage } from '../../contract/generation.ts'
import type { Conversation, EngineThread, GenerateEvent } from '../../engine/index.ts'
import { type ModelDeps, openModel } from './open-model.ts'

export type Generation = AsyncGenerator<GenerateEvent, void, void>

type Sampling = Pick<
  ChatRequest,
  'model' | 'temperature' | 'top_p' | 'top_k' | 'seed' | 'stop' | 'max_tokens'
>
/** What to answer or continue, and the request's field that it came from. */
type Prompt = { content: Conversation | string; param: string }

/**
 * Generates: `start`, any number of `delta`, `end`.
 * @throws ApiError before `start` when there is no such model or the prompt does not fit
 */
export async function* generate(
  deps: ModelDeps & { engine: EngineThread },
  { model, temperature, top_p: topP, top_k: topK, seed, stop, max_tokens }: Sampling,
  prompt: Prompt,
): Generation {
  const files = await openModel(deps, model)
  const maxTokens = max_tokens ?? undefined
  const sampling = { maxTokens, temperature, topP, topK, seed: seed ?? undefined, stop }
  let last: GenerateEvent | undefined
  try {
    for await (last of deps.engine.generate({ ...files, prompt: prompt.content, ...sampling })) yield last
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown }
    const about = { param: prompt.param, cause: error }
    if (code === 'context_length_exceeded') throw new ApiError(code, message, about)
    if (code === 'invalid_messages') throw new ApiError('invalid_value', message, about)
    throw error
  }
  if (last?.type !== 'end') {
    throw new ApiError('overloaded', 'the server stops and has cut the answer off; ask again')
  }
}

export type Whole = { text: string; finishReason: FinishReason; usage: Usage }

/** Reads a generation to its end. */
export async function collect(events: Generation): Promise<Whole> {
  let text = ''
  let promptTokens = 0
  for await (const event of events) {
    if (event.type === 'start') promptTokens = event.promptTokens
    else if (event.type === 'delta') text += event.text
    else
      return { text, finishReason: event.finishReason, usage: usageOf(promptTokens, event.completionTokens) }
  }
  // Whoever asked has ended the generation with `return()`.
  throw new ApiError('invalid_value', 'the client hung up before the answer was complete')
}

export const usageOf = (promptTokens: number, completionTokens: number): Usage => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
})
