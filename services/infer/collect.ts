import { ApiError } from '../../contract/errors.ts'
import type { FinishReason, Usage } from '../../contract/generation.ts'
import type { GenerateEvent, TokenLogprob } from '../../engine/index.ts'
import type { Generation } from './generate.ts'

/** A piece of an answer, and the tokens that make it up where they are told. */
export type Piece = { text: string; logprobs?: TokenLogprob[] }
/** Of a request: answers wanted to each prompt, and what is told beside them. */
export type Wanted = { n: number; logprobs: boolean; includeUsage: boolean }
export type Answer = { pieces: Piece[]; finishReason: FinishReason }

/** Reads a generation of so many answers to each prompt to its end. */
export async function collect(events: Generation, n: number): Promise<{ answers: Answer[]; usage: Usage }> {
  const meter = new Meter(n)
  const answers: Answer[] = []
  let open = 0
  for await (const { index, value: event } of events) {
    meter.count(index, event)
    if (event.type === 'start') {
      answers[index] = { pieces: event.echo ? [event.echo] : [], finishReason: 'stop' }
      open += 1
    }
    if (event.type === 'delta') answers[index]!.pieces.push(event)
    if (event.type === 'end') {
      answers[index]!.finishReason = event.finishReason
      open -= 1
    }
  }
  // Nobody reads what is said to a client that has gone.
  if (open > 0) throw new ApiError('invalid_value', 'the client hung up before the answer was complete')
  return { answers, usage: meter.usage }
}

export const textOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join('')

/** Adds up what a request costs: a prompt once, however many answers it has. */
export class Meter {
  readonly #n: number
  #prompt = 0
  #cached = 0
  #completion = 0

  constructor(n: number) {
    this.#n = n
  }

  count(index: number, event: GenerateEvent): void {
    const first = index % this.#n === 0
    if (event.type === 'start' && first) this.#prompt += event.promptTokens
    if (event.type === 'end' && first) this.#cached += event.cachedTokens
    if (event.type === 'end') this.#completion += event.completionTokens
  }

  get usage(): Usage {
    return {
      prompt_tokens: this.#prompt,
      completion_tokens: this.#completion,
      total_tokens: this.#prompt + this.#completion,
      prompt_tokens_details: { cached_tokens: this.#cached },
    }
  }
}
