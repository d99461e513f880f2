import { Part } from './tokenizer-files.ts'

/** How a tokenizer's decoder turns tokens back into bytes. */
export type ByteRule = {
  /** The bytes that a token of the vocabulary stands for. */
  bytes(token: string): Uint8Array
  /** Spaces to take away where a decoded text starts: the ones that encoding put there. */
  leadingSpaces: number
}

/**
 * Reads the rule from tokenizer.json's `decoder`: byte-level BPE, or SentencePiece with or without byte
 * fallback. Throws on another decoder, by name.
 */
export function byteRule(decoder: Part | null): ByteRule {
  const parts = flatten(decoder)
  const known = ['ByteLevel', 'Metaspace', 'Replace', 'ByteFallback', 'Fuse', 'Strip']
  const stranger = parts.find((part) => !known.includes(part.type))
  if (stranger) throw new Error(`decoder "${stranger.type}" is not supported; known are ${known.join(', ')}`)
  if (parts.some((part) => part.type === 'ByteLevel')) return { bytes: byteLevel, leadingSpaces: 0 }

  const encoder = new TextEncoder()
  const has = (type: string) => parts.find((part) => part.type === type)
  const spaced = has('Metaspace') ?? has('Replace')
  const fallback = has('ByteFallback') !== undefined
  return {
    bytes(token) {
      const byte = fallback && /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1]
      if (byte) return Uint8Array.of(Number.parseInt(byte, 16))
      return encoder.encode(spaced ? token.replaceAll('▁', ' ') : token)
    },
    leadingSpaces:
      stripped(has('Strip')) || (has('Metaspace')?.prepend_scheme ?? 'never') !== 'never' ? 1 : 0,
  }
}

const flatten = (part: Part | null): Part[] =>
  part?.type === 'Sequence' ? Part.array().parse(part.decoders).flatMap(flatten) : part ? [part] : []

const stripped = (part: Part | undefined) => part !== undefined && Number(part.start) > 0

/**
 * GPT-2's byte alphabet: the 188 printable bytes of Latin-1 are their own character, the other 68 take the
 * characters from U+0100 on, in order.
 */
const byteOf = new Map<string, number>()
const printable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
for (let byte = 0, next = 0x100; byte < 256; byte++)
  byteOf.set(String.fromCodePoint(printable(byte) ? byte : next++), byte)

const byteLevel = (token: string) => Uint8Array.from(token, (character) => byteOf.get(character) ?? 0)
