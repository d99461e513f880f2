import { type Expression, kept, repetition } from './expression.ts'

/** What is left to come: `top` first, then what lies below it. The bottom has no top: the text is complete. */
type Stack = { id: number; top?: Expression; below?: Stack; above: Map<Expression, Stack> }

/** Where a text may stand: one of these stacks is what is left of it. Equal states are the same object. */
export type State = {
  stacks: readonly Stack[]
  /** The text may end here. */
  ends: boolean
  /** By the next byte, as far as it was asked for; null: it may not come. */
  next: (State | null)[]
}

/**
 * A pushdown automaton that makes its states as it meets them. Each is made once, so that running over known ground costs
 * an array access a byte.
 */
export class Automaton {
  readonly bottom: Stack = { id: 0, above: new Map() }
  readonly #states = new Map<string, State>()
  #stacks = 1

  /** States made so far. */
  get size(): number {
    return this.#states.size
  }

  /** The state before a text of this expression, which is followed by what is `below`. */
  start(expression: Expression, below: Stack = this.bottom): State {
    return this.state([this.#push(below, expression)])
  }

  state(stacks: readonly Stack[]): State {
    const sorted = [...stacks].sort((a, b) => a.id - b.id)
    return kept(this.#states, sorted.map(({ id }) => id).join(), () => ({
      stacks: sorted,
      ends: this.#advance(sorted, undefined).has(this.bottom),
      next: [],
    }))
  }

  /** The state after one more byte; null when it may not come. */
  step(state: State, byte: number): State | null {
    const known = state.next[byte]
    if (known !== undefined) return known
    const stacks = this.#advance(state.stacks, byte)
    const next = stacks.size === 0 ? null : this.state([...stacks])
    state.next[byte] = next
    return next
  }

  #push(below: Stack, top: Expression): Stack {
    return kept(below.above, top, () => ({ id: this.#stacks++, top, below, above: new Map() }))
  }

  /** What is left after `byte`. Without one: the bottom, where all that is left may be empty. */
  #advance(stacks: readonly Stack[], byte: number | undefined): Set<Stack> {
    const out = new Set<Stack>()
    const seen = new Set<Stack>()
    const visit = (stack: Stack) => {
      if (seen.has(stack)) return
      seen.add(stack)
      const { top, below } = stack
      if (!top || !below) {
        if (byte === undefined) out.add(stack)
        return
      }
      switch (top.op) {
        case 'empty':
          return visit(below)
        case 'byte':
          if (byte !== undefined && byte >= top.from && byte <= top.to) out.add(below)
          return
        case 'sequence':
          return visit(this.#push(this.#push(below, top.rest), top.first))
        case 'choice':
          for (const option of top.options) visit(this.#push(below, option))
          return
        case 'repetition': {
          const { of, min, max, rest } = top
          if (min === 0) visit(this.#push(below, rest))
          const again = repetition(of, Math.max(0, min - 1), max - 1, rest)
          return visit(this.#push(this.#push(below, again), of))
        }
        case 'rule':
          return visit(this.#push(below, top.get()))
      }
    }
    for (const stack of stacks) visit(stack)
    return out
  }
}
