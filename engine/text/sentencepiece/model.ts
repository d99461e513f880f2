/** Reads SentencePiece's `tokenizer.model`: the fields of sentencepiece_model.proto that decide how text is encoded. */
import { readFileSync } from 'node:fs'
import { BinaryReader } from '@bufbuild/protobuf/wire'

export type Piece = { text: string; score: number; type: (typeof pieceTypes)[number] }

export type SentencePieceModel = ReturnType<typeof defaults> & {
  /** By id. */
  pieces: readonly Piece[]
  algorithm: 'bpe' | 'unigram'
}

const pieceTypes = ['normal', 'unknown', 'control', 'user-defined', 'unused', 'byte'] as const // 1 to 6
const algorithms = ['unigram', 'bpe', 'word', 'char'] as const // 1 to 4

/** What holds where the file is silent, as the .proto says. An id of -1 is no piece. */
const defaults = () => ({
  unkId: 0,
  bosId: 1,
  eosId: 2,
  padId: -1,
  byteFallback: false,
  /** Normalization rules as a double array (see charsmap.ts); empty for none. */
  charsmap: new Uint8Array(0),
  addDummyPrefix: true,
  removeExtraWhitespaces: true,
  escapeWhitespaces: true,
})

/** Throws an Error that names the file when it is no SentencePiece model, or one that is not implemented. */
export function readSentencePiece(path: string): SentencePieceModel {
  const settings = defaults()
  const pieces: Piece[] = []
  let modelType = 1
  let suffix = false
  try {
    readMessage(readFileSync(path), {
      1: (piece) => pieces.push(readPiece(piece.bytes())),
      2: (trainer) =>
        readMessage(trainer.bytes(), {
          3: (r) => (modelType = r.int32()),
          24: (r) => (suffix = r.bool()),
          35: (r) => (settings.byteFallback = r.bool()),
          40: (r) => (settings.unkId = r.int32()),
          41: (r) => (settings.bosId = r.int32()),
          42: (r) => (settings.eosId = r.int32()),
          43: (r) => (settings.padId = r.int32()),
        }),
      3: (normalizer) =>
        readMessage(normalizer.bytes(), {
          2: (r) => (settings.charsmap = Uint8Array.from(r.bytes())),
          3: (r) => (settings.addDummyPrefix = r.bool()),
          4: (r) => (settings.removeExtraWhitespaces = r.bool()),
          5: (r) => (settings.escapeWhitespaces = r.bool()),
        }),
    })
    if (pieces.length === 0) throw new Error('it has no pieces')
  } catch (error) {
    throw new Error(`${path} is no SentencePiece model: ${(error as Error).message}`, { cause: error })
  }

  const refuse = (what: string): never => {
    throw new Error(`${path} is a SentencePiece model with ${what}, which is not implemented`)
  }
  const algorithm = algorithms[modelType - 1]
  if (algorithm !== 'bpe' && algorithm !== 'unigram')
    return refuse(`model_type ${algorithm?.toUpperCase() ?? modelType}`)
  if (suffix) refuse('treat_whitespace_as_suffix')
  const unused = pieces.findIndex((piece) => piece.type === 'unused')
  if (unused >= 0) refuse(`UNUSED pieces (id ${unused}: "${pieces[unused]!.text}")`)
  return { ...settings, pieces, algorithm }
}

function readPiece(bytes: Uint8Array): Piece {
  let text = ''
  let score = 0
  let type = 1
  readMessage(bytes, {
    1: (r) => (text = r.string()),
    2: (r) => (score = r.float()),
    3: (r) => (type = r.int32()),
  })
  const named = pieceTypes[type - 1]
  if (!named) throw new Error(`the piece "${text}" has type ${type}`)
  return { text, score, type: named }
}

/** Calls `fields[number]` at each field that has one, and skips the others. */
function readMessage(bytes: Uint8Array, fields: Record<number, (reader: BinaryReader) => unknown>): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const read = fields[number]
    if (read) read(reader)
    else reader.skip(wireType, number)
  }
}
