import { ngrams } from './ngrams.ts'

/**
 * ROUGE (Lin 2004) of one reply, F1 between 0 and 1, as `rouge_chinese` reckons it: over the set of 1-grams, the set of
 * 2-grams, and the longest common subsequence of words. Without any word it is 0.
 */
export function rouge(
  replyWords: readonly string[],
  targetWords: readonly string[],
): { one: number; two: number; longest: number } {
  const [reply, target] = [bySentences(replyWords), bySentences(targetWords)]
  const sets = (n: number) => {
    const [found, wanted] = [ngrams(reply, n), ngrams(target, n)]
    const shared = [...found.keys()].filter((gram) => wanted.has(gram)).length
    return f1(shared, found.size, wanted.size)
  }
  return { one: sets(1), two: sets(2), longest: f1(commonLength(reply, target), reply.length, target.length) }
}

/** 1e-8 is rouge_chinese's own. */
function f1(shared: number, found: number, wanted: number): number {
  const precision = found === 0 ? 0 : shared / found
  const recall = wanted === 0 ? 0 : shared / wanted
  return (2 * precision * recall) / (precision + recall + 1e-8)
}

/**
 * rouge_chinese joins the words and cuts them into sentences, which it joins again. What remains of that: white space is
 * no word, but an empty line is an empty one, and more than six dots are cut after the sixth.
 */
function bySentences(words: readonly string[]): string[] {
  const text = words
    .join(' ')
    .replace(/([。！？?])([^”’])/g, '$1\n$2')
    .replace(/(\.{6})([^”’])/g, '$1\n$2')
    .trimEnd()
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.flatMap((line) => line.trim().split(/\s+/))
}

/** Length of the longest common subsequence, by one row of the table at a time. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Uint32Array(b.length + 1)
  for (const word of a) {
    const next = new Uint32Array(b.length + 1)
    for (let j = 1; j <= b.length; j++)
      next[j] = word === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!)
    row = next
  }
  return row[b.length]!
}
