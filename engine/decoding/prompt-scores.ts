import type { WrittenToken } from '../text/tokenizer.ts'
import { logprobOf, type TokenLogprob } from './logprobs.ts'

/** How probable each token of a prompt was, from the logits behind the one before it. */
export class PromptScores {
  readonly tokens: TokenLogprob[]
  readonly #push: (id: number, logits: Float32Array) => TokenLogprob
  readonly #prompt: readonly number[]

  /**
   * @param texts the characters that each token of the prompt completes
   * @param top how many tokens that might have stood in a token's place are told
   */
  constructor(
    prompt: readonly number[],
    texts: readonly string[],
    top: number,
    tokenizer: { size: number; written(id: number): WrittenToken },
  ) {
    const written = (id: number) => tokenizer.written(id)
    this.#prompt = prompt
    this.tokens = [{ ...written(prompt[0]!), text: texts[0]!, logprob: null, top: [] }]
    this.#push = (id, logits) => ({
      ...logprobOf(logits.subarray(0, tokenizer.size), id, top, written),
      text: texts[this.tokens.length]!,
    })
  }

  /** Takes the logits behind the prompt's tokens, in order; those behind its last are the reply's. */
  push(logits: Float32Array): void {
    const next = this.#prompt[this.tokens.length]
    if (next !== undefined) this.tokens.push(this.#push(next, logits))
  }
}
