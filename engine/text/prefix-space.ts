import { Part, type TokenizerJson } from './tokenizer-files.ts'

/**
 * SentencePiece puts a space before a text. Which pieces of a longer text get one depends on where they
 * stand, so a text that is encoded in pieces needs a tokenizer for each place:
 * - at the start of the text: as tokenizer.json says;
 * - after a special token: no space from a scheme that only knows the `first` piece;
 * - within plain text, as the continuation of what was encoded before: no space at all.
 */
export type Place = 'start' | 'after-special' | 'within'

/** tokenizer.json as it must read for a piece at `place`; the same object when nothing depends on the place. */
export function forPlace(json: TokenizerJson, place: Place): TokenizerJson {
  if (place === 'start') return json
  const within = place === 'within'
  const normalizer = within ? edit(json.normalizer, withoutPrepend) : json.normalizer
  const preTokenizer = edit(json.pre_tokenizer, within ? withoutAnySpace : withoutFirstSpace)
  const same =
    JSON.stringify([normalizer, preTokenizer]) === JSON.stringify([json.normalizer, json.pre_tokenizer])
  return same ? json : { ...json, normalizer, pre_tokenizer: preTokenizer }
}

const withoutPrepend = (part: Part): Part | null => (part.type === 'Prepend' ? null : part)

const withoutFirstSpace = (part: Part): Part =>
  part.type === 'Metaspace' && part.prepend_scheme === 'first' ? { ...part, prepend_scheme: 'never' } : part

const withoutAnySpace = (part: Part): Part =>
  part.type === 'Metaspace'
    ? { ...part, prepend_scheme: 'never' }
    : part.type === 'ByteLevel'
      ? { ...part, add_prefix_space: false }
      : part

/** Applies `rule` to a part and to the parts of a Sequence. */
function edit(part: Part | null, rule: (part: Part) => Part | null): Part | null {
  if (part?.type !== 'Sequence') return part && rule(part)
  const edited = Object.entries(part).map(([key, value]) => [
    key,
    Array.isArray(value)
      ? value.map((child) => edit(Part.parse(child), rule)).filter((child) => child !== null)
      : value,
  ])
  return Part.parse(Object.fromEntries(edited))
}
