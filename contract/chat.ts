/** Chat completions, as OpenAI's. */
import { z } from 'zod'
import { ChatMessage } from './chat-message.ts'
import {
  absent,
  FinishReason,
  ignored,
  maxTopLogprobs,
  only,
  orElse,
  sampling,
  streamOptionsFit,
  Usage,
} from './generation.ts'
import { idOf } from './ids.ts'
import { orNull } from './or-null.ts'

const noFunctions = 'functions are not supported'
const onlyText = 'expected ["text"]: there is nothing else'

/** What the answer must be: any text, the JSON of an object, or JSON that meets a schema. */
export const ResponseFormat = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      json_schema: z.strictObject({
        name: z.string().regex(/^[\w-]{1,64}$/, 'expected up to 64 letters, digits, "_" or "-"'),
        description: z.string().nullish(),
        schema: z.record(z.string(), z.unknown()),
        /** Answers are always held to the schema. */
        strict: z.boolean().nullish(),
      }),
    }),
  ])
  .meta({ id: 'ResponseFormat' })
export type ResponseFormat = z.infer<typeof ResponseFormat>

export const ChatRequest = z
  .strictObject({
    model: z.string().min(1),
    messages: z.array(ChatMessage).min(1),
    ...sampling,
    max_tokens: z.int().min(1).nullish(),
    /** The newer name, which goes first. */
    max_completion_tokens: z.int().min(1).nullish(),
    logprobs: z.boolean().nullish().transform(orElse(false)),
    top_logprobs: z.int().min(0).max(maxTopLogprobs).nullish(),
    response_format: orNull(ResponseFormat).optional(),
    ...ignored,
    tools: z.array(z.unknown()).max(0, 'tools are not supported').nullish(),
    tool_choice: z.enum(['none', 'auto'], 'expected "none" or "auto": tools are not supported').nullish(),
    parallel_tool_calls: z.unknown().optional(),
    functions: z.array(z.unknown()).max(0, noFunctions).nullish(),
    function_call: z.enum(['none', 'auto'], noFunctions).nullish(),
    modalities: z.array(z.literal('text', onlyText), onlyText).min(1, onlyText).max(1, onlyText).nullish(),
    audio: absent('audio is not supported'),
    prediction: absent('predicted output is not supported'),
    web_search_options: absent('web search is not supported'),
    reasoning_effort: only('none', 'there is no reasoning'),
    verbosity: only('medium', 'it cannot be changed'),
  })
  .refine(streamOptionsFit.check, streamOptionsFit.error)
  .refine(({ logprobs, top_logprobs }) => logprobs || top_logprobs == null, {
    path: ['top_logprobs'],
    message: 'needs logprobs to be true',
  })
  .meta({ id: 'ChatCompletionRequest' })
export type ChatRequest = z.infer<typeof ChatRequest>

const Token = z.object({
  token: z.string(),
  logprob: z.number(),
  /** Its UTF-8, of which it may be a part that is no character; null of special tokens. */
  bytes: z.array(z.int()).nullable(),
})

/** Log-softmax of the model's own logits, whatever temperature and penalties make of them. */
export const ChatLogprobs = z
  .object({
    content: z.array(Token.extend({ top_logprobs: z.array(Token) })),
    refusal: z.null(),
  })
  .meta({ id: 'ChatLogprobs' })
export type ChatLogprobs = z.infer<typeof ChatLogprobs>

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
        logprobs: orNull(ChatLogprobs),
        finish_reason: FinishReason,
      }),
    ),
    usage: Usage,
  })
  .meta({ id: 'ChatCompletion' })
export type ChatCompletion = z.infer<typeof ChatCompletion>

/** One event of a stream: a choice's first delta has the role, its last one the finish reason. */
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
        logprobs: orNull(ChatLogprobs),
        finish_reason: FinishReason.nullable(),
      }),
    ),
    usage: orNull(Usage).optional(),
  })
  .meta({ id: 'ChatCompletionChunk' })
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>
