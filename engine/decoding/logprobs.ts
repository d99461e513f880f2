import type { WrittenToken } from '../text/tokenizer.ts'
import { largest } from './largest.ts'

/** How probable a token was, among all that may be sampled: the log-softmax of the model's own logits. */
export type TokenLogprob = WrittenToken & {
  /** Null where nothing predicts it: at the start of a prompt. */
  logprob: number | null
  /** The characters that it completes: '' when it ends within one, or has no text. */
  text: string
  /** The most probable tokens in its place. */
  top: (WrittenToken & { logprob: number })[]
}

/** Before penalties, bias and temperature, which are not the model's. */
export function logprobOf(
  logits: Float32Array,
  token: number,
  top: number,
  written: (id: number) => WrittenToken,
): Omit<TokenLogprob, 'text'> {
  const best = largest(logits, Math.max(top, 1))
  const most = logits[best[0]!]!
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - most)
  const logSum = most + Math.log(sum)
  const told = (id: number) => ({ ...written(id), logprob: logits[id]! - logSum })
  return { ...told(token), top: Array.from(best.subarray(0, top), told) }
}

/** Holds tokens back until the text that they make up is told. */
export class HeldLogprobs {
  /** `from` and `to` are where the characters stand that the token has a part in; open ones have no end yet. */
  #held: { token: TokenLogprob; from: number; to: number }[] = []
  #length = 0
  #told = 0

  push(token: TokenLogprob): void {
    const from = this.#length
    this.#length += token.text.length
    this.#held.push({ token, from, to: Number.POSITIVE_INFINITY })
    if (token.text === '') return
    for (const held of this.#held) if (held.to === Number.POSITIVE_INFINITY) held.to = this.#length
  }

  /** `text` is told: the tokens that it is made of. */
  release(text: string): TokenLogprob[] {
    this.#told += text.length
    return this.#take(({ to }) => to <= this.#told)
  }

  /** No more text will be told: what is left of tokens that belong to the text, if only in part. */
  end(): TokenLogprob[] {
    return this.#take(({ from }) => from < this.#told)
  }

  /** No more tokens will come, and all of their text is told. */
  rest(): TokenLogprob[] {
    return this.#take(() => true)
  }

  #take(belongs: (held: { from: number; to: number }) => boolean): TokenLogprob[] {
    const first = this.#held.findIndex((held) => !belongs(held))
    return this.#held.splice(0, first < 0 ? this.#held.length : first).map(({ token }) => token)
  }
}
