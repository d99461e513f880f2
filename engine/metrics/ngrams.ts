/** How often each run of `n` words occurs, by its words. */
export function ngrams(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i + n <= words.length; i++) {
    const key = JSON.stringify(words.slice(i, i + n)) // words may hold any character: no separator would do
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}
