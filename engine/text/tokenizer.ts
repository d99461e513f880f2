import { anyOf } from './any-of.ts'
import { type Encoders, openEncoders } from './encoders.ts'
import type { Place } from './prefix-space.ts'
import { TextStream } from './text-stream.ts'
import { type ByteRule, byteRule } from './token-bytes.ts'
import { type AddedToken, readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.ts'

// Stands before a special token's text that is meant as plain text. A Unicode noncharacter: no text has it.
const guard = '\uFDD0'

const wholeCharacters = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A token as text: bytes that are no whole characters as `\\xe4\\xbd`; a special token's text stands for no bytes. */
export type WrittenToken = { token: string; bytes: number[] | null }

/** Text to token ids and back, as the tokenizer files of a Hugging Face directory say. */
export class Tokenizer {
  /** Ids that end a reply: `eos_token` and generation_config.json's `eos_token_id`. */
  readonly eosIds: readonly number[]
  readonly bosId: number | undefined
  readonly padId: number | undefined
  /** One more than the largest id. What a model predicts for ids from here on is padding, never to be sampled. */
  readonly size: number
  /** Ids below `size` that no token has: never to be sampled either. */
  readonly unused: readonly number[]
  /** The texts of the special tokens that templates name: `bos_token`, `eos_token`, … */
  readonly namedTokens: Readonly<Record<string, string>>

  readonly #specials: ReadonlyMap<string, AddedToken>
  readonly #specialIds: ReadonlySet<number>
  readonly #added: ReadonlyMap<number, string>
  readonly #encoders: Encoders['encoders']
  readonly #normalize: Encoders['normalize']
  readonly #bytes: ByteRule
  readonly #special: RegExp
  readonly #specialAhead: RegExp

  constructor(files: TokenizerFiles) {
    const { json, config } = files
    const specials = json.added_tokens.filter((token) => token.special)
    this.#specials = new Map(specials.map((token) => [token.content, token]))
    this.#specialIds = new Set(specials.map((token) => token.id))
    this.#added = new Map(json.added_tokens.map((token) => [token.id, token.content]))
    const pattern = anyOf(specials.map((token) => token.content))
    this.#special = new RegExp(`(?<!${guard})(${pattern})`, 'gu')
    this.#specialAhead = new RegExp(`(?=${pattern})`, 'gu')
    const { encoders, normalize } = openEncoders(files)
    this.#encoders = encoders
    this.#normalize = normalize
    this.#bytes = byteRule(json.decoder)
    this.size = json.added_tokens.reduce(
      (n, { id }) => Math.max(n, id + 1),
      encoders.start.model!.vocab.length,
    )
    const ids = Array.from({ length: this.size }, (_, id) => id)
    this.unused = ids.filter((id) => !this.#added.has(id) && encoders.start.id_to_token(id) === undefined)

    const { bos_token, eos_token, pad_token, unk_token } = config
    const named = Object.entries({ bos_token, eos_token, pad_token, unk_token })
    this.namedTokens = Object.fromEntries(
      named.filter((entry): entry is [string, string] => entry[1] != null),
    )
    const idOf = (text: string | null | undefined) =>
      text == null ? undefined : (this.#specials.get(text)?.id ?? this.#encoders.start.token_to_id(text))
    const eosId = idOf(eos_token)
    this.eosIds = [...new Set(eosId === undefined ? files.eosIds : [eosId, ...files.eosIds])]
    this.bosId = idOf(bos_token)
    this.padId = idOf(pad_token)
  }

  /** The id of a special token. Throws when there is none of this text. */
  idOf(special: string): number {
    const token = this.#specials.get(special)
    if (!token) throw new Error(`the tokenizer has no special token "${special}"`)
    return token.id
  }

  isSpecial(id: number): boolean {
    return this.#specialIds.has(id)
  }

  /** `text` so marked that `encode` takes the special tokens' texts in it for plain text. */
  guard(text: string): string {
    return text.replaceAll(guard, '').replaceAll(this.#specialAhead, guard)
  }

  /**
   * Token ids of `text`, where `before` stands before it (that decides about the space that SentencePiece
   * puts before a text). Special tokens' texts become their ids, unless guarded; nothing is added.
   */
  encode(text: string, before = ''): number[] {
    let place = this.#placeAfter(before)
    // Split by a capturing group: plain texts at even places, special tokens between them.
    const parts = text.split(this.#special)
    return parts.flatMap((part, i) => {
      const special = i % 2 === 1 ? this.#specials.get(part) : undefined
      if (special) {
        place = 'after-special'
        return [special.id]
      }
      const left = this.#specials.get(parts[i - 1] ?? '')?.rstrip ? part.trimStart() : part
      const plain = this.#specials.get(parts[i + 1] ?? '')?.lstrip ? left.trimEnd() : left
      if (plain === '') return []
      const text = this.#normalize(plain.replaceAll(guard, ''))
      return this.#encoders[place].encode(text, { add_special_tokens: false }).ids
    })
  }

  /** Token ids of a raw text to continue: with the special tokens that the tokenizer puts before a text. */
  encodeRaw(text: string): number[] {
    const { start } = this.#encoders
    const bare = start.encode('a', { add_special_tokens: false }).ids
    const framed = start.encode('a', { add_special_tokens: true }).ids
    return [...framed.slice(0, framed.indexOf(bare[0]!)), ...this.encode(text)]
  }

  /** The text of `ids`, special tokens left out. Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[], continues = false): string {
    const stream = this.stream(continues)
    return ids.map((id) => stream.push(id)).join('') + stream.end()
  }

  /** Decodes one token at a time. When the text `continues` another, a space that leads it is its own. */
  stream(continues = false): TextStream {
    return new TextStream((id) => this.bytesOf(id), continues ? 0 : this.#bytes.leadingSpaces)
  }

  /** One token by itself, as lists of tokens show it. */
  written(id: number): WrittenToken {
    if (this.#specialIds.has(id)) return { token: this.#added.get(id)!, bytes: null }
    const bytes = this.bytesOf(id)
    try {
      return { token: wholeCharacters.decode(bytes), bytes: [...bytes] }
    } catch {
      const hex = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
      return { token: hex.join(''), bytes: [...bytes] }
    }
  }

  /** What a token adds to a text. No bytes for special tokens and for ids that the vocabulary does not have. */
  bytesOf(id: number): Uint8Array {
    if (this.#specialIds.has(id)) return new Uint8Array(0)
    const added = this.#added.get(id) // stands for itself, not for bytes
    if (added !== undefined) return new TextEncoder().encode(added)
    const token = this.#encoders.start.id_to_token(id)
    return token === undefined ? new Uint8Array(0) : this.#bytes.bytes(token)
  }

  #placeAfter(text: string): Place {
    if (text === '') return 'start'
    return text.split(this.#special).at(-1) === '' ? 'after-special' : 'within'
  }
}

/** Throws an Error that names the file when one is missing or not as expected. */
export const loadTokenizer = (directory: string): Tokenizer => {
  const files = readTokenizerFiles(directory)
  try {
    return new Tokenizer(files)
  } catch (error) {
    throw new Error(`${files.path}: ${(error as Error).message}`, { cause: error })
  }
}
