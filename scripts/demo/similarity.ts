/** How much of `reference` an answer says, in its own words: F1 over pairs of neighbouring characters, 0 to 1. */
export function similarity(answer: string, reference: string): number {
  const given = bigrams(answer)
  const wanted = bigrams(reference)
  let common = 0
  for (const [pair, count] of given) common += Math.min(count, wanted.get(pair) ?? 0)
  const total = sum(given) + sum(wanted)
  return total === 0 ? 0 : (2 * common) / total
}

function bigrams(text: string): Map<string, number> {
  const characters = [...text.replace(/\s+/g, '')]
  const counts = new Map<string, number>()
  for (let i = 0; i + 1 < characters.length; i++) {
    const pair = characters[i]! + characters[i + 1]!
    counts.set(pair, (counts.get(pair) ?? 0) + 1)
  }
  return counts
}

const sum = (counts: Map<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0)
