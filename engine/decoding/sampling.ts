import type { Random } from '../random.ts'

export type Sampling = {
  /** 0 is greedy. */
  temperature: number
  /** Keeps the fewest tokens whose probabilities reach this sum; 1 keeps all. */
  topP: number
  /** Keeps the k most probable tokens; 0 keeps all. */
  topK: number
}

// Beside the best token, one of this weight is never seen; leaving it out spares sorting a whole vocabulary.
const negligible = 1e-7

/** Chooses the next token: temperature, then top-k, then top-p, as transformers orders them. */
export function sample(logits: Float32Array, { temperature, topP, topK }: Sampling, random: Random): number {
  const best = argmax(logits)
  if (temperature === 0) return best
  const weights = logits.map((logit) => Math.exp((logit - logits[best]!) / temperature))
  const tokens: number[] = []
  for (let i = 0; i < weights.length; i++) if (weights[i]! > negligible) tokens.push(i)
  if (topK > 0 || topP < 1) tokens.sort((a, b) => weights[b]! - weights[a]!)
  const kept = topK > 0 ? tokens.slice(0, topK) : tokens

  const total = kept.reduce((sum, i) => sum + weights[i]!, 0)
  let count = 0
  let mass = 0
  while (count < kept.length && (count === 0 || mass < topP * total)) mass += weights[kept[count++]!]!

  let left = random.uniform() * mass
  for (let i = 0; i < count; i++) {
    left -= weights[kept[i]!]!
    if (left < 0) return kept[i]!
  }
  return kept[count - 1]! // rounding left a crumb
}

/** Where the largest value is. */
export function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
