/** The tokenizers package as encoders of plain text, with what it lacks for SentencePiece put in. */
import { Tokenizer as Encoder } from '@huggingface/tokenizers'
import { z } from 'zod'
import { anyOf } from './any-of.ts'
import { forPlace, type Place } from './prefix-space.ts'
import { Charsmap } from './sentencepiece/charsmap.ts'
import { unigramEncoder } from './sentencepiece/unigram.ts'
import { Part, type TokenizerFiles, type TokenizerJson } from './tokenizer-files.ts'

export type Encoders = {
  encoders: Record<Place, Encoder>
  /** What is done to a plain text before it is encoded. */
  normalize(text: string): string
}

/** Encoders for each place, which know no special token; they share one vocabulary. */
export function openEncoders({ json, config }: TokenizerFiles): Encoders {
  const { normalize, rest } = takeCharsmap(json)
  const plain = { ...rest, added_tokens: rest.added_tokens.filter((token) => !token.special) }
  const start = new Encoder(plain, config)
  const model = start.model!
  // The post-processor names special tokens (bos) by their text.
  for (const { content, id } of json.added_tokens) model.tokens_to_ids.set(content, id)
  const unigram = Unigram.safeParse(json.model).data
  if (unigram) {
    const encode = unigramEncoder({
      vocab: unigram.vocab,
      unmatched: new Set(unigram.sentencepiece?.unmatched),
      byteFallback: unigram.byte_fallback,
      float32: unigram.sentencepiece !== undefined,
    })
    model.encode = (texts: string[]) => texts.flatMap(encode)
  }
  const userDefined = UserDefined.safeParse(json.model).data?.sentencepiece.user_defined ?? []
  if (userDefined.length > 0) model.encode = apart(userDefined, model.encode.bind(model))
  const at = (place: Place) => {
    const adapted = forPlace(plain, place)
    if (adapted === plain) return start
    const encoder = new Encoder({ ...adapted, model: { type: 'BPE', vocab: {}, merges: [] } }, config)
    encoder.model = model
    return encoder
  }
  return { encoders: { start, 'after-special': at('after-special'), within: at('within') }, normalize }
}

/** Encodes what stands between these pieces by itself; they are found first, the longest at each place. */
function apart(pieces: readonly string[], encode: (texts: string[]) => string[]) {
  const known = new Set(pieces)
  const pattern = new RegExp(`(${anyOf(pieces)})`, 'u')
  const parts = (text: string) => text.split(pattern).filter((part) => part !== '')
  return (texts: string[]) =>
    texts.flatMap(parts).flatMap((part) => (known.has(part) ? [part] : encode([part])))
}

const SentencePiece = z.object({ unmatched: z.array(z.number()), user_defined: z.array(z.string()) })
const UserDefined = z.object({ sentencepiece: SentencePiece })
const Unigram = z.object({
  type: z.literal('Unigram'),
  vocab: z.array(z.tuple([z.string(), z.number()])),
  byte_fallback: z.boolean().default(false),
  sentencepiece: SentencePiece.optional(),
})

const Precompiled = z.object({
  type: z.literal('Precompiled'),
  precompiled_charsmap: z.string(),
  longest_match: z.boolean().default(false),
})

/**
 * SentencePiece's own rules, which stand before all other normalizers; the package only approximates them.
 * @throws where they stand elsewhere
 */
function takeCharsmap(json: TokenizerJson): { normalize: (text: string) => string; rest: TokenizerJson } {
  const parts = partsOf(json.normalizer)
  const [first, ...others] = parts
  const found = Precompiled.safeParse(first).data
  if ((found ? others : parts).some(({ type }) => type === 'Precompiled'))
    throw new Error('normalizer "Precompiled" is only supported before all others')
  if (!found) return { normalize: (text) => text, rest: json }
  const charsmap = new Charsmap(Buffer.from(found.precompiled_charsmap, 'base64'))
  return {
    normalize: (text) => (found.longest_match ? charsmap.longest(text) : charsmap.byGrapheme(text)),
    rest: { ...json, normalizer: { type: 'Sequence', normalizers: others.map(exactStrip) } },
  }
}

/** JavaScript takes U+FEFF for white space, and tokenizers does not. */
function exactStrip(part: Part): Part {
  if (part.type !== 'Strip') return part
  const ends = [part.strip_left && '\\A\\p{White_Space}+', part.strip_right && '\\p{White_Space}+\\z']
  return { type: 'Replace', pattern: { Regex: ends.filter(Boolean).join('|') || '(?!)' }, content: '' }
}

const partsOf = (part: Part | null): Part[] =>
  part?.type === 'Sequence' ? Part.array().parse(part.normalizers).flatMap(partsOf) : part ? [part] : []
