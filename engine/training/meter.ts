import type { StepResult } from './trainer.ts'

/** Sums up training steps. */
export class Meter {
  /** Tokens of all steps. */
  total = 0
  #milliseconds = 0
  #results: StepResult[] = []

  add(result: StepResult, milliseconds: number): void {
    this.#results.push(result)
    this.#milliseconds += milliseconds
    this.total += result.tokens
  }

  /** What happened since it was last read; there must have been a step. */
  read(): { loss: number; gradNorm: number; tokens: number; tokensPerSecond: number } {
    const sum = (of: (r: StepResult) => number) => this.#results.reduce((n, r) => n + of(r), 0)
    const reading = {
      loss: sum((r) => r.loss * r.labelled) / sum((r) => r.labelled),
      gradNorm: this.#results.at(-1)!.gradNorm,
      tokens: this.total,
      tokensPerSecond: sum((r) => r.tokens) / (this.#milliseconds / 1000),
    }
    this.#milliseconds = 0
    this.#results = []
    return reading
  }
}
