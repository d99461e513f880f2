/** Holds a reply to a format, token by token. */
import { InputError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { State } from './grammar/automaton.ts'
import { type Expression, kept, sequence } from './grammar/expression.ts'
import { TokenMasks, type TokenSet } from './grammar/token-masks.ts'
import { TokenTrie } from './grammar/token-trie.ts'
import { schemaExpression } from './json/schema.ts'
import { blank } from './json/text.ts'
import { anyObject } from './json/value.ts'

export type ReplyFormat =
  /** Any JSON object. */
  | { type: 'json_object' }
  /** A JSON value that meets a JSON Schema. */
  | { type: 'json_schema'; schema: unknown }

/** What the tokens of one tokenizer may be, shared by all replies. */
type Vocabulary = { trie: TokenTrie; masks: TokenMasks; formats: Map<string, Expression> }

const vocabularies = new WeakMap<Tokenizer, Vocabulary>()

// States take about 1 KB each; what is in use by a reply stays until it ends.
const mostStates = 20_000

/** @throws InputError `invalid_format` that names the keyword when a schema cannot be kept to */
export function openConstraint(
  format: ReplyFormat,
  tokenizer: Tokenizer,
  stops: ReadonlySet<number>,
): Constraint {
  const vocabulary = kept(vocabularies, tokenizer, () => openVocabulary(tokenizer))
  if (vocabulary.masks.size > mostStates) {
    vocabulary.masks = new TokenMasks(vocabulary.trie, tokenizer.size)
    vocabulary.formats.clear()
  }
  const expression = kept(vocabulary.formats, JSON.stringify(format), () => expressionOf(format))
  return new Constraint(vocabulary.masks, expression, tokenizer, stops)
}

function openVocabulary(tokenizer: Tokenizer): Vocabulary {
  const trie = new TokenTrie(Array.from({ length: tokenizer.size }, (_, id) => tokenizer.bytesOf(id)))
  return { trie, masks: new TokenMasks(trie, tokenizer.size), formats: new Map() }
}

function expressionOf(format: ReplyFormat): Expression {
  switch (format.type) {
    case 'json_object':
      return sequence(blank, anyObject)
    case 'json_schema':
      return sequence(blank, schemaExpression(format.schema))
  }
}

export class Constraint {
  readonly #masks: TokenMasks
  readonly #tokenizer: Tokenizer
  readonly #stops: ReadonlySet<number>
  #state: State

  constructor(masks: TokenMasks, expression: Expression, tokenizer: Tokenizer, stops: ReadonlySet<number>) {
    this.#masks = masks
    this.#tokenizer = tokenizer
    this.#stops = stops
    this.#state = masks.automaton.start(expression)
  }

  /** The text is complete, and nothing but an end may come. */
  get finished(): boolean {
    return this.#state.stacks.every((stack) => stack === this.#masks.automaton.bottom)
  }

  /** Sets the logits, (V), of what may not come next to −∞. */
  mask(logits: Float32Array): void {
    const tokens = this.#masks.next(this.#state)
    for (const id of this.#stops) {
      if (this.#state.ends) tokens[id >>> 5]! |= 1 << (id & 31)
      else tokens[id >>> 5]! &= ~(1 << (id & 31))
    }
    if (tokens.every((word) => word === 0))
      throw new InputError('invalid_format', "the model's vocabulary has no token for what must come next")
    keep(logits, tokens)
  }

  /** Goes on by a token that the mask has left. */
  accept(token: number): void {
    if (this.#stops.has(token)) return
    for (const byte of this.#tokenizer.bytesOf(token)) {
      const next = this.#masks.automaton.step(this.#state, byte)
      if (!next) throw new Error(`token ${token} does not fit the format`)
      this.#state = next
    }
  }
}

function keep(logits: Float32Array, tokens: TokenSet): void {
  for (let id = 0; id < logits.length; id++)
    if (!(tokens[id >>> 5]! & (1 << (id & 31)))) logits[id] = Number.NEGATIVE_INFINITY
}
