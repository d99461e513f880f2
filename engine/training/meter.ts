import type { Curve } from './curve.ts'
import type { StepResult } from './trainer.ts'

/** Sums since a meter was last read. */
type Sums = { loss: number; labelled: number; tokens: number; gradNorm: number; milliseconds: number }

const none: Sums = { loss: 0, labelled: 0, tokens: 0, gradNorm: 0, milliseconds: 0 }

/** What a meter has counted, to go on from. */
export type MeterState = { total: number; sums: Sums; curve: Curve }

/** Sums up training steps, and remembers each. */
export class Meter {
  /** Tokens of all steps. */
  total: number
  readonly curve: Curve
  #sums: Sums

  constructor({ total, sums, curve }: Partial<MeterState> = {}) {
    this.total = total ?? 0
    this.curve = curve ?? { loss: [], learningRate: [], tokens: [] }
    this.#sums = { ...none, ...sums }
  }

  add({ loss, labelled, tokens, gradNorm, milliseconds }: StepResult, learningRate: number): void {
    this.#sums.loss += loss * labelled
    this.#sums.labelled += labelled
    this.#sums.tokens += tokens
    this.#sums.gradNorm = gradNorm
    this.#sums.milliseconds += milliseconds
    this.total += tokens
    this.curve.loss.push(loss)
    this.curve.learningRate.push(learningRate)
    this.curve.tokens.push(this.total)
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
    return { total: this.total, sums: { ...this.#sums }, curve: this.curve }
  }
}
