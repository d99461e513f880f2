/** Completions of bare text, as OpenAI's older endpoint gives them. */
import { z } from 'zod'
import {
  absent,
  FinishReason,
  ignored,
  maxChoices,
  maxTopLogprobs,
  only,
  orElse,
  sampling,
  streamOptionsFit,
  Usage,
} from './generation.ts'
import { idOf } from './ids.ts'
import { orNull } from './or-null.ts'

const Tokens = z.array(z.int().min(0)).min(1)

/** One text or several, each as text or as its tokens. */
const Prompts = z
  .union(
    [z.string(), z.array(z.string()).min(1), Tokens, z.array(Tokens).min(1)],
    'expected a string, strings, tokens, or arrays of tokens',
  )
  .transform((prompt) => {
    if (typeof prompt === 'string') return [prompt]
    const [first] = prompt
    if (typeof first === 'string') return prompt as string[]
    return (typeof first === 'number' ? [prompt as number[]] : (prompt as number[][])).map((tokens) => ({
      tokens,
    }))
  })

export const CompletionRequest = z
  .strictObject({
    model: z.string().min(1),
    prompt: Prompts,
    ...sampling,
    /** 0 only reads the prompt, for `echo`. */
    max_tokens: z.int().min(0).nullish(),
    /** The text begins with the prompt. */
    echo: z.boolean().nullish().transform(orElse(false)),
    /** Tells how probable each token was, and this many that might have come in its place. */
    logprobs: z.int().min(0).max(maxTopLogprobs).nullish(),
    best_of: only(1, 'answers are not chosen among; ask for n'),
    suffix: absent('text cannot be inserted'),
    ...ignored,
  })
  .refine(streamOptionsFit.check, streamOptionsFit.error)
  .refine(({ prompt, n }) => prompt.length * n <= maxChoices, {
    path: ['n'],
    message: `prompts × n is more than ${maxChoices} answers`,
  })
  .meta({ id: 'CompletionRequest' })
export type CompletionRequest = z.infer<typeof CompletionRequest>

/** An entry a token, in all four. */
export const CompletionLogprobs = z
  .object({
    tokens: z.array(z.string()),
    /** Of the model's own logits; null for the first token of a prompt. */
    token_logprobs: z.array(z.number().nullable()),
    /** By token; the one that came is always among them. */
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
    /** Where in `text` the token stands, in characters. */
    text_offset: z.array(z.int()),
  })
  .meta({ id: 'CompletionLogprobs' })
export type CompletionLogprobs = z.infer<typeof CompletionLogprobs>

/** The answer, and each event of its stream: there `text` is the next piece. */
export const Completion = z
  .object({
    id: idOf('completion'),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    /** The `n` answers to the first prompt, then those to the second, … */
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        logprobs: orNull(CompletionLogprobs),
        finish_reason: FinishReason.nullable(),
      }),
    ),
    usage: orNull(Usage).optional(),
  })
  .meta({ id: 'Completion' })
export type Completion = z.infer<typeof Completion>
