/**
 * Encoding by a unigram model (Kudo 2018): the pieces whose scores sum to the most. The tokenizers package has it without
 * byte fallback, and takes the names of control and byte pieces for text.
 */

export type Unigram = {
  /** Pieces and their log probabilities, by id. */
  vocab: readonly (readonly [string, number])[]
  /** Ids whose text is never found in a text. */
  unmatched: ReadonlySet<number>
  byteFallback: boolean
  /** Sums are float32, as in sentencepiece; float64 else, as in tokenizers. Ties are won by one or the other. */
  float32: boolean
}

const unknownPenalty = 10 // below the worst score, as in sentencepiece

/** From a text to the texts of its pieces; a character without a piece becomes its bytes, or stays itself. */
export function unigramEncoder({
  vocab,
  unmatched,
  byteFallback,
  float32,
}: Unigram): (text: string) => string[] {
  const scores = new Map(vocab.filter((_, id) => !unmatched.has(id)))
  const round = float32 ? Math.fround : (sum: number) => sum
  const all = [...scores.values()]
  const unknown = all.reduce((a, b) => Math.min(a, b), 0) - unknownPenalty
  const longest = [...scores.keys()].reduce((n, piece) => Math.max(n, Array.from(piece).length), 1)
  return (text) => {
    const pieces = best(Array.from(text), scores, unknown, longest, round)
    return byteFallback ? pieces.flatMap((piece) => (scores.has(piece) ? [piece] : bytesOf(piece))) : pieces
  }
}

/** The best way to put `characters` together, by dynamic programming over its ends. */
function best(
  characters: readonly string[],
  scores: ReadonlyMap<string, number>,
  unknown: number,
  longest: number,
  round: (sum: number) => number,
): string[] {
  const total = new Float64Array(characters.length + 1).fill(Number.NEGATIVE_INFINITY)
  const start = new Int32Array(characters.length + 1)
  total[0] = 0
  for (let from = 0; from < characters.length; from++) {
    let piece = ''
    for (let to = from + 1; to <= Math.min(from + longest, characters.length); to++) {
      piece += characters[to - 1]
      const score = scores.get(piece) ?? (to === from + 1 ? unknown : undefined)
      if (score === undefined) continue
      const sum = round(total[from]! + score)
      if (sum <= total[to]!) continue
      total[to] = sum
      start[to] = from
    }
  }
  const pieces: string[] = []
  for (let to = characters.length; to > 0; to = start[to]!)
    pieces.push(characters.slice(start[to], to).join(''))
  return pieces.reverse()
}

const encoder = new TextEncoder()
const bytesOf = (text: string) =>
  Array.from(encoder.encode(text), (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
