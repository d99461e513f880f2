import type { Random } from '../random.ts'
import { argmax, largest } from './largest.ts'
import { nucleusOf } from './nucleus.ts'
import { scratch } from './scratch.ts'

export type Sampling = {
  /** 0 is greedy. */
  temperature: number
  /** Keeps the fewest tokens whose probabilities reach this sum; 1 keeps all. */
  topP: number
  /** Keeps the k most probable tokens, and those as probable as the last of them; 0 keeps all. */
  topK: number
  /** Keeps tokens at least this many times as probable as the most probable one; 0 or absent keeps all. */
  minP?: number
}

// Nats below the best token at which one is never drawn: 256,000 of them weigh 256,000 · e⁻³⁰ = 2.4e-8 together.
const negligible = 30

const weightsFor = scratch(Float32Array)
const idsFor = scratch(Int32Array)

/**
 * Chooses the next token: temperature, then top-k, then top-p of what that kept, then min-p, as transformers orders
 * them. The draw walks the tokens by id, so a logit that is off in its last digit does not turn a reply over.
 */
export function sample(logits: Float32Array, sampling: Sampling, random: Random): number {
  const { temperature, topP, topK, minP = 0 } = sampling
  const best = argmax(logits)
  if (temperature === 0) return best
  const top = logits[best]!
  let floor = top - negligible * temperature
  if (topK > 0 && topK < logits.length) floor = Math.max(floor, logits[largest(logits, topK)[topK - 1]!]!)

  // The tokens that are left, and their weights beside the best one's, which is 1.
  const ids = idsFor(logits.length)
  const room = weightsFor(logits.length)
  let count = 0
  let total = 0
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!
    if (logit < floor) continue
    room[count] = Math.exp((logit - top) / temperature)
    total += room[count]!
    ids[count++] = id
  }
  const weights = room.subarray(0, count)
  let { least, ties } = topP < 1 ? nucleusOf(weights, total, topP) : { least: 0, ties: count }
  if (minP > least) [least, ties] = [Math.min(minP, 1), count]
  if (least > 0) total = keepFrom(weights, least, ties)

  let left = random.uniform() * total
  let chosen = best
  for (let i = 0; i < count; i++) {
    if (weights[i] === 0) continue
    chosen = ids[i]!
    left -= weights[i]!
    if (left < 0) break
  }
  return chosen // the last one when rounding left a crumb
}

/** Sets weights to 0 that are less than `least`, or not among the first `ties` of it; the sum of the others. */
function keepFrom(weights: Float32Array, least: number, ties: number): number {
  let total = 0
  let left = ties
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!
    if (weight < least || (weight === least && left-- <= 0)) weights[i] = 0
    else total += weight
  }
  return total
}
