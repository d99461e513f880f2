/** Chat completions, as OpenAI's. */
import { z } from 'zod'
import { FinishReason, ignored, only, sampling, Usage, unsupported } from './generation.ts'
import { idOf } from './ids.ts'

const TextPart = z.object({
  type: z.literal('text', 'only parts of type "text" are supported'),
  text: z.string(),
})

/** A turn; parts of text are joined, and OpenAI's newer name `developer` means `system`. */
export const ChatMessage = z
  .object({
    role: z
      .enum(['system', 'developer', 'user', 'assistant'])
      .transform((role) => (role === 'developer' ? 'system' : role)),
    content: z
      .union([z.string(), z.array(TextPart).min(1)])
      .transform((content) =>
        typeof content === 'string' ? content : content.map((part) => part.text).join(''),
      ),
  })
  .meta({ id: 'ChatMessage' })
export type ChatMessage = z.infer<typeof ChatMessage>

export const ChatRequest = z
  .strictObject({
    model: z.string().min(1),
    messages: z.array(ChatMessage).min(1),
    ...sampling,
    max_completion_tokens: z.int().min(1).nullish(),
    ...unsupported,
    logprobs: only(false, 'log probabilities are not supported'),
    response_format: z.object({ type: z.literal('text', 'only text is supported') }).nullish(),
    tools: z.array(z.unknown()).max(0, 'tools are not supported').nullish(),
    ...ignored,
    tool_choice: z.unknown().optional(),
    parallel_tool_calls: z.unknown().optional(),
    modalities: z.tuple([z.literal('text')]).nullish(),
    reasoning_effort: z.unknown().optional(),
    verbosity: z.unknown().optional(),
  })
  .meta({ id: 'ChatCompletionRequest' })
export type ChatRequest = z.infer<typeof ChatRequest>

export const ChatCompletion = z
  .object({
    id: idOf('chatCompletion'),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: FinishReason,
      }),
    ),
    usage: Usage,
  })
  .meta({ id: 'ChatCompletion' })
export type ChatCompletion = z.infer<typeof ChatCompletion>

/** One event of a stream: the first delta has the role, the last choice its finish reason. */
export const ChatCompletionChunk = z
  .object({
    id: idOf('chatCompletion'),
    object: z.literal('chat.completion.chunk'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
        logprobs: z.null(),
        finish_reason: FinishReason.nullable(),
      }),
    ),
    usage: Usage.nullish(),
  })
  .meta({ id: 'ChatCompletionChunk' })
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>
