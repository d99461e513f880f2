import type { Piece } from './model.ts'

/**
 * The merges that build a SentencePiece BPE vocabulary, the first to apply first: SentencePiece joins the neighbours
 * whose joint piece has the highest score, so each way to put a piece together is a merge of the piece's rank.
 * As transformers' `generate_merges`.
 */
export function mergesOf(pieces: readonly Piece[]): [string, string][] {
  const ranked = pieces.filter(({ type }) => type === 'normal' || type === 'user-defined')
  const known = new Set(ranked.map(({ text }) => text))
  return ranked
    .sort((a, b) => b.score - a.score) // stable: equal scores in the order of ids
    .flatMap(({ text }) => splits(text).filter(([left, right]) => known.has(left) && known.has(right)))
}

/** All ways to cut a text in two between characters, the shortest left part first. */
function splits(text: string): [string, string][] {
  const characters = Array.from(text)
  return characters
    .slice(1)
    .map((_, i) => [characters.slice(0, i + 1).join(''), characters.slice(i + 1).join('')])
}
