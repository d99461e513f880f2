import type { Random } from './random.ts'

export type Sampling = {
  /** 0 is greedy. */
  temperature: number
  /** Keeps the fewest tokens whose probabilities reach this sum; 1 keeps all. */
  topP: number
  /** Keeps the k most probable tokens; 0 keeps all. */
  topK: number
}

/** Chooses the next token: temperature, then top-k, then top-p, as transformers orders them. */
export function sample(logits: Float32Array, { temperature, topP, topK }: Sampling, random: Random): number {
  if (temperature === 0) return argmax(logits)
  const all = topP >= 1 && topK === 0
  const order = Array.from(logits, (_, i) => i)
  if (!all) order.sort((a, b) => logits[b]! - logits[a]!)
  const kept = topK > 0 ? order.slice(0, topK) : order
  const highest = all ? logits[argmax(logits)]! : logits[order[0]!]!
  const weights = kept.map((i) => Math.exp((logits[i]! - highest) / temperature))
  const total = weights.reduce((a, b) => a + b, 0)

  let count = kept.length
  let mass = total
  if (topP < 1) {
    mass = 0
    count = 0
    while (count < kept.length && (count === 0 || mass < topP * total)) mass += weights[count++]!
  }
  let left = random.uniform() * mass
  for (let i = 0; i < count; i++) {
    left -= weights[i]!
    if (left < 0) return kept[i]!
  }
  return kept[count - 1]! // rounding left a crumb
}

function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
