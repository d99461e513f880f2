import { bleu4 } from './bleu.ts'
import { rouge } from './rouge.ts'
import { wordsOf } from './words.ts'

/** How near replies are to what was wanted, in percent; the names are those of ChatGLM3's scripts. */
export type Scores = Record<(typeof scoreNames)[number], number>

const scoreNames = ['bleu-4', 'rouge-1', 'rouge-2', 'rouge-l'] as const

/** Means over all replies, each beside its target; there must be one. A reply or a target without a word scores 0. */
export function scoresOf(pairs: readonly { reply: string; target: string }[]): Scores {
  const sums: Scores = { 'bleu-4': 0, 'rouge-1': 0, 'rouge-2': 0, 'rouge-l': 0 }
  for (const { reply, target } of pairs) {
    const [found, wanted] = [wordsOf(reply.trim()), wordsOf(target.trim())]
    const { one, two, longest } = rouge(found, wanted)
    sums['bleu-4'] += bleu4(found, wanted)
    sums['rouge-1'] += one
    sums['rouge-2'] += two
    sums['rouge-l'] += longest
  }
  for (const name of scoreNames) sums[name] *= 100 / pairs.length
  return sums
}
