/** What requests for chat completions and for completions have in common. */
import { z } from 'zod'

const maxStops = 4
/** Answers to one request, as OpenAI bounds them. */
export const maxChoices = 128
/** Tokens told beside each one, as OpenAI bounds them. */
export const maxTopLogprobs = 20

/** Fields that steer the choice of tokens; null means the default, as the OpenAI SDKs allow. */
export const sampling = {
  temperature: z.number().min(0).max(2).nullish().transform(orElse(1)),
  /** Keeps the fewest tokens whose probabilities reach this sum. */
  top_p: z.number().gt(0).max(1).nullish().transform(orElse(1)),
  /** Keeps the k most probable tokens; 0 keeps all. No field of OpenAI's. */
  top_k: z.int().min(0).nullish().transform(orElse(0)),
  /** Keeps tokens at least this many times as probable as the most probable one. No field of OpenAI's. */
  min_p: z.number().min(0).max(1).nullish().transform(orElse(0)),
  /** Divides the logits of tokens that prompt or answer have, as transformers does; 1 is none. No field of OpenAI's. */
  repetition_penalty: z.number().gt(0).max(2).nullish().transform(orElse(1)),
  /** Taken from a token's logit for each time that the answer has it. */
  frequency_penalty: z.number().min(-2).max(2).nullish().transform(orElse(0)),
  /** Taken from a token's logit once the answer has it. */
  presence_penalty: z.number().min(-2).max(2).nullish().transform(orElse(0)),
  /** Added to the logits of tokens, by their ids. */
  logit_bias: z
    .record(z.string().regex(/^\d{1,9}$/, 'expected the id of a token'), z.number().min(-100).max(100))
    .meta({ propertyNames: { pattern: '^\\d{1,9}$' } })
    .nullish()
    .transform((bias) => new Map(Object.entries(bias ?? {}).map(([id, value]) => [Number(id), value]))),
  /** The answer of index i is that of `seed` + i alone. */
  seed: z.int().nullish(),
  /** Answers to the same prompt. */
  n: z.int().min(1).max(maxChoices).nullish().transform(orElse(1)),
  /** Texts that end the answer and are no part of it. */
  stop: z
    .union(
      [z.string().min(1), z.array(z.string().min(1)).max(maxStops)],
      `expected a text or up to ${maxStops}, none of them empty`,
    )
    .nullish()
    .transform((stop) => (typeof stop === 'string' ? [stop] : (stop ?? []))),
  stream: z.boolean().nullish().transform(orElse(false)),
  /** `include_usage`: one more chunk at the end, without choices, tells the usage. */
  stream_options: z
    .strictObject({
      include_usage: z.boolean().optional(),
      include_obfuscation: only(false, 'there is none'),
    })
    .nullish(),
}

/** Fields that change nothing here, and values of others that change nothing. */
export const ignored = {
  user: z.unknown().optional(),
  metadata: z.unknown().optional(),
  safety_identifier: z.unknown().optional(),
  prompt_cache_key: z.unknown().optional(),
  prompt_cache_retention: z.unknown().optional(),
  store: only(false, 'answers are not stored'),
  service_tier: z.enum(['auto', 'default'], 'there is one tier').nullish(),
}

/** As OpenAI has it, where nothing is streamed there is nothing to say of the stream. */
export const streamOptionsFit = {
  check: ({ stream, stream_options }: { stream: boolean; stream_options?: object | null }) =>
    stream || stream_options == null,
  error: { path: ['stream_options'], message: 'needs stream to be true' },
}

export const Usage = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    /** `cached_tokens`: those of the prompt that had been read for another answer. */
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  })
  .meta({ id: 'Usage' })
export type Usage = z.infer<typeof Usage>

/** `stop`: the model ended its turn or a stop text came; `length`: the token limit or the context was reached. */
export const FinishReason = z.enum(['stop', 'length'])
export type FinishReason = z.infer<typeof FinishReason>

/** A field that may be left out, null or this one value. */
export function only<T extends string | number | boolean>(value: T, message: string) {
  return z.literal(value, `expected ${JSON.stringify(value)}: ${message}`).nullish()
}

/** A field that may be left out or null: whatever it asked for would not be done. */
export function absent(message: string) {
  return z.null(message).optional()
}

export function orElse<T>(value: T) {
  return (given: T | null | undefined): T => given ?? value
}
