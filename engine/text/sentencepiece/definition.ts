import type { AddedToken, Part, TokenizerJson } from '../tokenizer-files.ts'
import { mergesOf } from './merges.ts'
import type { SentencePieceModel } from './model.ts'

/** What tokenizer_config.json says about a SentencePiece tokenizer. */
type Settings = {
  tokenizer_class?: string | null | undefined
  legacy?: boolean | null | undefined
  add_prefix_space?: boolean | null | undefined
  add_bos_token?: boolean | null | undefined
}

/**
 * A SentencePiece model as tokenizer.json would define it, with `added` tokens that the directory's configs name. As transformers does, LlamaTokenizer's classes take only
 * the pieces from the file and have rules of their own for spaces; any other class follows the file.
 */
export function definitionOf(
  model: SentencePieceModel,
  settings: Settings,
  added: readonly AddedToken[],
): TokenizerJson {
  const isLlama = /^(Code)?LlamaTokenizer(Fast)?$/.test(settings.tokenizer_class ?? '')
  const tokens = withoutTwins([...addedTokens(model), ...added])
  const special = new Set(tokens.flatMap(({ id, special }) => (special ? [id] : [])))
  const prefix = isLlama ? (settings.add_prefix_space ?? true) : model.addDummyPrefix
  return {
    added_tokens: tokens,
    normalizer: isLlama ? null : normalizer(model),
    pre_tokenizer: isLlama
      ? {
          type: 'Metaspace',
          replacement: '▁',
          prepend_scheme: prefix ? (settings.legacy ? 'always' : 'first') : 'never',
          split: false,
        }
      : null,
    post_processor: (settings.add_bos_token ?? isLlama) ? bosFirst(model) : null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: algorithm(model, special),
  }
}

function algorithm(
  { pieces, unkId, byteFallback, algorithm }: SentencePieceModel,
  special: ReadonlySet<number>,
): TokenizerJson['model'] {
  /** What the format of tokenizer.json has no place for. */
  const sentencepiece = {
    /** Ids of pieces that do not stand for their own text. */
    unmatched: pieces.flatMap(({ type }, id) => (matched.has(type) && !special.has(id) ? [] : [id])),
    /** Found in the normalized text before anything else. */
    user_defined: pieces.flatMap(({ text, type }, id) =>
      type === 'user-defined' && !special.has(id) ? [text] : [],
    ),
  }
  return algorithm === 'unigram'
    ? {
        type: 'Unigram',
        unk_id: unkId,
        vocab: pieces.map(({ text, score }) => [text, score]),
        byte_fallback: byteFallback,
        sentencepiece,
      }
    : {
        type: 'BPE',
        vocab: Object.fromEntries(pieces.map(({ text }, id) => [text, id])),
        merges: mergesOf(pieces),
        unk_token: pieces[unkId]?.text,
        fuse_unk: true,
        byte_fallback: byteFallback,
        sentencepiece,
      }
}

const matched = new Set(['normal', 'user-defined'])

/** Control pieces and the unknown one are special tokens. */
const addedTokens = ({ pieces }: SentencePieceModel): AddedToken[] =>
  pieces.flatMap(({ text, type }, id) =>
    type === 'control' || type === 'unknown'
      ? [{ id, content: text, special: true, lstrip: false, rstrip: false }]
      : [],
  )

/** Of tokens with one id, the last. */
const withoutTwins = (tokens: readonly AddedToken[]) => [
  ...new Map(tokens.map((token) => [token.id, token])).values(),
]

/** The steps of SentencePiece's normalizer, in its order. */
function normalizer(model: SentencePieceModel): Part {
  const { charsmap, removeExtraWhitespaces, addDummyPrefix, escapeWhitespaces } = model
  const normalizers: Part[] = []
  if (charsmap.length > 0)
    normalizers.push({
      type: 'Precompiled',
      precompiled_charsmap: Buffer.from(charsmap).toString('base64'),
      longest_match: true,
    })
  if (removeExtraWhitespaces) normalizers.push(leadingSpaces, replace({ Regex: ' {2,}' }, ' '))
  if (addDummyPrefix) normalizers.push({ type: 'Prepend', prepend: ' ' })
  if (escapeWhitespaces) normalizers.push(replace({ String: ' ' }, '▁'))
  if (removeExtraWhitespaces) normalizers.push(replace({ Regex: escapeWhitespaces ? '▁+\\z' : ' +\\z' }, ''))
  return { type: 'Sequence', normalizers }
}

const replace = (pattern: { Regex: string } | { String: string }, content: string): Part => ({
  type: 'Replace',
  pattern,
  content,
})

/** Takes away the spaces that lead a text. */
const leadingSpaces = replace({ Regex: '\\A +' }, '')

/** bos before a raw text. */
function bosFirst({ pieces, bosId }: SentencePieceModel): Part | null {
  const bos = pieces[bosId]?.text
  if (bos === undefined) return null
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { [bos]: { id: bos, ids: [bosId], tokens: [bos] } },
  }
}
