import { Automaton, type State } from './automaton.ts'
import { type Expression, repetition } from './expression.ts'
import type { TokenTrie } from './token-trie.ts'

/** A bit for each token id. */
export type TokenSet = Uint32Array

/** What an expression says about the next token, whatever lies below it. */
type Own = {
  /** Tokens that it takes whole. */
  tokens: TokenSet
  /** Nodes of the trie at which it may be over, so that what lies below goes on. */
  exits: readonly number[]
}

// A walk over fewer nodes than this is not worth the memory of its result.
const worthKeeping = 1024

/**
 * Which tokens may come next. Most of the vocabulary may stand inside a string, wherever that string is; so the long walk
 * is done once for the expression on top and kept, and only the tokens that leave it are walked on, state by state.
 */
export class TokenMasks {
  readonly automaton = new Automaton()
  readonly #trie: TokenTrie
  readonly #words: number
  readonly #own = new Map<Expression, Own>()
  /** States on the way from a walk's start to where it is. */
  readonly #path: State[] = []

  /** @param size one more than the largest token id */
  constructor(trie: TokenTrie, size: number) {
    this.#trie = trie
    this.#words = Math.ceil(size / 32)
  }

  /** States and kept walks, for whoever bounds their memory. */
  get size(): number {
    return this.automaton.size + this.#own.size
  }

  next(state: State): TokenSet {
    const tokens = new Uint32Array(this.#words)
    for (const { top, below } of state.stacks) {
      if (!top || !below) continue
      const own = this.#ownOf(top)
      for (let i = 0; i < tokens.length; i++) tokens[i]! |= own.tokens[i]!
      const rest = this.automaton.state([below])
      for (const node of own.exits) this.#walk(rest, node, tokens)
    }
    return tokens
  }

  #ownOf(expression: Expression): Own {
    const top = this.#shortSighted(expression)
    const known = this.#own.get(top)
    if (known) return known
    const tokens = new Uint32Array(this.#words)
    const exits: number[] = []
    const walked = this.#walk(this.automaton.start(top), 0, tokens, exits)
    const own = { tokens, exits }
    if (walked >= worthKeeping) this.#own.set(top, own)
    return own
  }

  /** One token cannot tell how many are left where it cannot use them up; so counts far from their ends are one. */
  #shortSighted(top: Expression): Expression {
    if (top.op !== 'repetition') return top
    const far = this.#trie.longest + 1
    return repetition(top.of, Math.min(top.min, far), top.max < far ? top.max : Infinity, top.rest)
  }

  /**
   * Adds the tokens below `node` that a text at `state` may go on with, and to `exits` the nodes at which the text may
   * end.
   * @returns how many nodes it looked at
   */
  #walk(state: State, node: number, tokens: TokenSet, exits?: number[]): number {
    const { byte, depth, end, first, ids } = this.#trie
    const path = this.#path
    const top = depth[node]!
    path[top] = state
    if (exits && state.ends) exits.push(node)
    const last = end[node]!
    let walked = 0
    for (let i = node + 1; i < last; walked++) {
      const before = path[depth[i]! - 1]!
      const after = before.next[byte[i]!] ?? this.automaton.step(before, byte[i]!)
      if (!after) {
        i = end[i]!
        continue
      }
      path[depth[i]!] = after
      for (let at = first[i]!; at < first[i + 1]!; at++) {
        const id = ids[at]!
        tokens[id >>> 5]! |= 1 << (id & 31)
      }
      if (exits && after.ends) exits.push(i)
      i++
    }
    return walked
  }
}
