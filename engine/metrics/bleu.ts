import { ngrams } from './ngrams.ts'

const orders = [1, 2, 3, 4]

/**
 * BLEU-4 of one reply (Papineni et al. 2002), between 0 and 1: the geometric mean of how much of its 1- to 4-grams is in
 * the target, times a penalty for brevity. An order without a match counts as half a match, the next such one as a
 * quarter and so on: method 3 of Chen and Cherry (2014), as nltk has it. Without any word in common it is 0.
 */
export function bleu4(reply: readonly string[], target: readonly string[]): number {
  let halvings = 0
  let logs = 0
  for (const n of orders) {
    const wanted = ngrams(target, n)
    let matches = 0
    for (const [gram, count] of ngrams(reply, n)) matches += Math.min(count, wanted.get(gram) ?? 0)
    if (n === 1 && matches === 0) return 0
    const all = Math.max(1, reply.length - n + 1)
    logs += Math.log((matches || 2 ** -++halvings) / all)
  }
  const brevity = Math.min(1, Math.exp(1 - target.length / reply.length))
  return brevity * Math.exp(logs / orders.length)
}
