/** A trainer of byte-level BPE vocabularies (Sennrich et al. 2016, on bytes as GPT-2 does). */

/** Special tokens first, then the 256 bytes, then one token for each merge. */
export type Vocabulary = { tokens: string[]; merges: [string, string][] }

/** Printable stand-ins for the 256 bytes, as GPT-2 chose them: a byte's own character where it is visible. */
const byteCharacters: readonly string[] = (() => {
  const visible = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(visible(b) ? b : next++))
})()

const toCharacters = (text: string) => Array.from(new TextEncoder().encode(text), (b) => byteCharacters[b]!)

/**
 * Learns merges from pieces of text and how often each occurs, until there are `size` tokens. Ties go to the pair that
 * comes first in code-unit order, so that the same pieces give the same vocabulary.
 */
export function trainBpe(
  pieces: ReadonlyMap<string, number>,
  specials: readonly string[],
  size: number,
): Vocabulary {
  const sequences = [...pieces].map(([text, count]) => ({ symbols: toCharacters(text), count }))
  const tokens = [...specials, ...byteCharacters]
  const merges: [string, string][] = []
  while (tokens.length < size) {
    const best = mostFrequentPair(sequences)
    if (!best) break // everything is one token already
    for (const sequence of sequences) mergeIn(sequence.symbols, best)
    merges.push(best)
    tokens.push(best[0] + best[1])
  }
  return { tokens, merges }
}

type Sequence = { symbols: string[]; count: number }

function mostFrequentPair(sequences: readonly Sequence[]): [string, string] | undefined {
  const counts = new Map<string, number>()
  for (const { symbols, count } of sequences)
    for (let i = 1; i < symbols.length; i++) {
      const pair = `${symbols[i - 1]} ${symbols[i]}` // no symbol holds a space: its byte has another stand-in
      counts.set(pair, (counts.get(pair) ?? 0) + count)
    }
  let best: string | undefined
  for (const [pair, count] of counts) {
    const record = best === undefined ? 0 : counts.get(best)!
    if (count > record || (count === record && pair < best!)) best = pair
  }
  return best?.split(' ') as [string, string] | undefined
}

function mergeIn(symbols: string[], [left, right]: readonly [string, string]): void {
  for (let i = 1; i < symbols.length; i++)
    if (symbols[i - 1] === left && symbols[i] === right) symbols.splice(i - 1, 2, left + right)
}
