/** What requests for chat completions and for completions have in common. */
import { z } from 'zod'

const maxStops = 4

/** Fields that steer the choice of tokens; null means the default, as the OpenAI SDKs allow. */
export const sampling = {
  temperature: z.number().min(0).max(2).nullish().transform(orElse(1)),
  /** Keeps the fewest tokens whose probabilities reach this sum. */
  top_p: z.number().gt(0).max(1).nullish().transform(orElse(1)),
  /** Keeps the k most probable tokens; 0 keeps all. No field of OpenAI's. */
  top_k: z.int().min(0).nullish().transform(orElse(0)),
  seed: z.int().nullish(),
  /** Texts that end the answer and are no part of it. */
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(maxStops)])
    .nullish()
    .transform((stop) => (typeof stop === 'string' ? [stop] : (stop ?? []))),
  max_tokens: z.int().min(1).nullish(),
  stream: z.boolean().nullish().transform(orElse(false)),
  /** `include_usage`: one more chunk at the end, without choices, tells the usage. */
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
}

/** Fields that change nothing here: accepted, ignored. */
export const ignored = {
  user: z.unknown().optional(),
  metadata: z.unknown().optional(),
  store: z.unknown().optional(),
  service_tier: z.unknown().optional(),
  safety_identifier: z.unknown().optional(),
  prompt_cache_key: z.unknown().optional(),
}

/** Fields that would change the answer if they were supported: only what changes nothing is accepted. */
export const unsupported = {
  n: only(1, 'one answer a request; ask again for another'),
  presence_penalty: only(0, 'penalties are not supported'),
  frequency_penalty: only(0, 'penalties are not supported'),
  logit_bias: z.strictObject({}, 'logit_bias is not supported').nullish(),
}

export const Usage = z
  .object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
  .meta({ id: 'Usage' })
export type Usage = z.infer<typeof Usage>

/** `stop`: the model ended its turn or a stop text came; `length`: the token limit or the context was reached. */
export const FinishReason = z.enum(['stop', 'length'])
export type FinishReason = z.infer<typeof FinishReason>

/** A field that may be left out, null or this one value. */
export function only<T extends string | number | boolean>(value: T, message: string) {
  return z.literal(value, `expected ${JSON.stringify(value)}: ${message}`).nullish()
}

function orElse<T>(value: T) {
  return (given: T | null | undefined): T => given ?? value
}
