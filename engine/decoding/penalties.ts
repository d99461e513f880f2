/** What raises or lowers single tokens before one is sampled. */
export type PenaltyOptions = {
  /** Divides positive and multiplies negative logits of tokens of the prompt and the reply; 1 changes nothing. */
  repetitionPenalty?: number
  /** Taken from a token's logit for each time that the reply has it. */
  frequencyPenalty?: number
  /** Taken from a token's logit when the reply has it. */
  presencePenalty?: number
  /** Added to the logits of single tokens. */
  logitBias?: ReadonlyMap<number, number>
}

/**
 * The penalties of one reply. The bias is added first, then repetition weighs as in transformers, at last frequency and
 * presence as OpenAI defines them: vLLM's order.
 */
export class Penalties {
  readonly #options: PenaltyOptions
  /** Tokens of prompt and reply; empty when repetition does not matter. */
  readonly #seen: Set<number>
  /** How often the reply has each token. */
  readonly #counts = new Map<number, number>()

  constructor(options: PenaltyOptions, prompt: readonly number[]) {
    this.#options = options
    this.#seen = new Set(this.#repetition === 1 ? [] : prompt)
  }

  get #repetition(): number {
    return this.#options.repetitionPenalty ?? 1
  }

  /** Whether all is left as it is, whatever the reply. */
  get none(): boolean {
    const { frequencyPenalty = 0, presencePenalty = 0, logitBias } = this.#options
    return (
      this.#repetition === 1 &&
      frequencyPenalty === 0 &&
      presencePenalty === 0 &&
      (logitBias?.size ?? 0) === 0
    )
  }

  /** Takes note of a token of the reply. */
  count(token: number): void {
    if (this.#repetition !== 1) this.#seen.add(token)
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1)
  }

  /** Changes logits in place. */
  apply(logits: Float32Array): void {
    const { frequencyPenalty = 0, presencePenalty = 0, logitBias = new Map<number, number>() } = this.#options
    for (const [token, bias] of logitBias) logits[token]! += bias
    for (const token of this.#seen) {
      const logit = logits[token]!
      logits[token] = logit < 0 ? logit * this.#repetition : logit / this.#repetition
    }
    for (const [token, count] of this.#counts) logits[token]! -= count * frequencyPenalty + presencePenalty
  }
}
