/** Two things that `JSON.parse` does not tell of a text from outside. Nothing here recurses. */

/**
 * Whether objects and lists are nested deeper than `limit`. The text may be anything: parsing brackets by the million
 * takes gigabytes, so this is asked before.
 */
export function isDeeper(json: string, limit: number): boolean {
  let depth = 0
  for (let i = 0; i < json.length; i++) {
    const c = json[i]
    if (c === '"') i = endOfString(json, i) - 1
    else if (c === '}' || c === ']') depth--
    else if ((c === '{' || c === '[') && ++depth > limit) return true
  }
  return false
}

/**
 * The first key that stands twice in one object of a valid JSON text, or undefined. `JSON.parse` keeps the last of the
 * two without a word, and another reader may keep the first.
 */
export function duplicateKey(json: string): string | undefined {
  /** Keys of the objects that are open; a list has none. */
  const open: (Set<string> | undefined)[] = []
  for (let i = 0; i < json.length; i++) {
    const c = json[i]
    if (c === '{') open.push(new Set())
    else if (c === '[') open.push(undefined)
    else if (c === '}' || c === ']') open.pop()
    else if (c === '"') {
      const end = endOfString(json, i)
      const keys = open.at(-1)
      if (keys && isKey(json, end)) {
        const key = JSON.parse(json.slice(i, end)) as string // "a" and "\u0061" are one key
        if (keys.has(key)) return key
        keys.add(key)
      }
      i = end - 1
    }
  }
  return undefined
}

/** The index behind the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1
  while (i < json.length && json[i] !== '"') i += json[i] === '\\' ? 2 : 1
  return i + 1
}

function isKey(json: string, end: number): boolean {
  let i = end
  while (' \t\n\r'.includes(json[i]!)) i++
  return json[i] === ':'
}
