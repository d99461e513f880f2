/** Texts that no request may have: Postgres holds no NUL, and half of a surrogate pair is no character of Unicode. */

export type Unstorable = { path: PropertyKey[]; problem: string }

type Place = { value: unknown; key?: PropertyKey; within?: Place }

/** One such text in what JSON, a query or a form holds. Deep nesting is no trouble. */
export function findUnstorable(input: unknown): Unstorable | undefined {
  const waiting: Place[] = [{ value: input }]
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const { value } = place
    const problem = typeof value === 'string' ? problemOf(value) : undefined
    if (problem) return { path: pathOf(place), problem }
    if (typeof value !== 'object' || value === null) continue
    for (const [key, inner] of Object.entries(value)) {
      const problem = problemOf(key)
      if (problem) return { path: pathOf(place), problem: `the name of a field ${problem}` }
      waiting.push({ value: inner, key: Array.isArray(value) ? Number(key) : key, within: place })
    }
  }
}

function problemOf(text: string): string | undefined {
  if (text.includes('\0')) return 'holds the character U+0000, which is no text'
  if (!text.isWellFormed()) return 'holds half of a surrogate pair, which is no character'
}

function pathOf(place: Place): PropertyKey[] {
  const path: PropertyKey[] = []
  for (let at: Place | undefined = place; at?.key !== undefined; at = at.within) path.unshift(at.key)
  return path
}
