/** Completions of bare text, as OpenAI's older endpoint gives them. */
import { z } from 'zod'
import { FinishReason, ignored, only, sampling, Usage, unsupported } from './generation.ts'
import { idOf } from './ids.ts'

export const CompletionRequest = z
  .strictObject({
    model: z.string().min(1),
    prompt: z
      .union([z.string(), z.tuple([z.string()])], 'expected a string, or an array of one string')
      .transform((prompt) => (typeof prompt === 'string' ? prompt : prompt[0])),
    ...sampling,
    ...unsupported,
    best_of: only(1, 'one answer a request'),
    echo: only(false, 'the prompt is not repeated'),
    logprobs: z.null('log probabilities are not supported').optional(),
    suffix: z.null('text cannot be inserted').optional(),
    ...ignored,
  })
  .meta({ id: 'CompletionRequest' })
export type CompletionRequest = z.infer<typeof CompletionRequest>

/** The answer, and each event of its stream: there `text` is the next piece. */
export const Completion = z
  .object({
    id: idOf('completion'),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        logprobs: z.null(),
        finish_reason: FinishReason.nullable(),
      }),
    ),
    usage: Usage.nullish(),
  })
  .meta({ id: 'Completion' })
export type Completion = z.infer<typeof Completion>
