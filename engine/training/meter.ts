import type { StepResult } from './trainer.ts'

/** Sums since a meter was last read. */
type Sums = { loss: number; labelled: number; tokens: number; gradNorm: number; milliseconds: number }

const none: Sums = { loss: 0, labelled: 0, tokens: 0, gradNorm: 0, milliseconds: 0 }

/** What a meter has counted, to go on from. */
export type MeterState = { total: number; sums: Sums }

/** Sums up training steps. */
export class Meter {
  /** Tokens of all steps. */
  total: number
  #sums: Sums

  constructor({ total, sums }: MeterState = { total: 0, sums: none }) {
    this.total = total
    this.#sums = { ...sums }
  }

  add({ loss, labelled, tokens, gradNorm, milliseconds }: StepResult): void {
    this.#sums.loss += loss * labelled
    this.#sums.labelled += labelled
    this.#sums.tokens += tokens
    this.#sums.gradNorm = gradNorm
    this.#sums.milliseconds += milliseconds
    this.total += tokens
  }

  /** What happened since it was last read; there must have been a step. */
  read(): { loss: number; gradNorm: number; tokens: number; tokensPerSecond: number } {
    const { loss, labelled, tokens, gradNorm, milliseconds } = this.#sums
    this.#sums = { ...none }
    return {
      loss: loss / labelled,
      gradNorm,
      tokens: this.total,
      tokensPerSecond: tokens / (milliseconds / 1000),
    }
  }

  get state(): MeterState {
    return { total: this.total, sums: { ...this.#sums } }
  }
}
