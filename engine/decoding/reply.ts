import { Random } from '../random.ts'
import { StopText } from '../text/stop-text.ts'
import type { TextStream } from '../text/text-stream.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Constraint } from './constraint.ts'
import { HeldLogprobs, logprobOf, type TokenLogprob } from './logprobs.ts'
import { Penalties, type PenaltyOptions } from './penalties.ts'
import { type Sampling, sample } from './sampling.ts'
import { scratch } from './scratch.ts'

export type ReplyOptions = Sampling &
  PenaltyOptions & {
    /** Tokens, at most; 1 or more. */
    maxTokens: number
    /** Random when absent. The same one gives the same reply, whatever else runs. */
    seed?: number
    /** Texts that end the reply; they are not part of it. */
    stop: readonly string[]
    /** Tells how probable each token was, and this many that might have come in its place. */
    logprobs?: number
  }

/** What a reply needs to know of its model. */
export type Speaker = {
  tokenizer: Pick<Tokenizer, 'size' | 'unused' | 'written'>
  /** Ids that end a reply. */
  stops: ReadonlySet<number>
  text: Pick<TextStream, 'push'>
  /** What the reply is held to. */
  constraint?: Constraint
}

export type ReplyEvent =
  /** Whole characters only; `logprobs`, when asked for, of the tokens that make them up. */
  { type: 'delta'; text: string; logprobs?: TokenLogprob[] } | ReplyEnd
export type ReplyEnd = { type: 'end'; finishReason: 'stop' | 'length'; completionTokens: number }

/** `token` is to be read next; without one the reply is over, and the last of the `events` is its end. */
export type Step = { token?: number; events: ReplyEvent[] }

const roomFor = scratch(Float32Array)

/** One reply as it comes about: what follows from logits, wherever they come from. */
export class Reply {
  readonly #options: ReplyOptions
  readonly #speaker: Speaker
  readonly #random: Random
  readonly #penalties: Penalties
  readonly #stop: StopText
  readonly #logprobs = new HeldLogprobs()
  #tokens = 0

  /** @param prompt what the reply follows, for penalties of repetition */
  constructor(options: ReplyOptions, speaker: Speaker, prompt: readonly number[]) {
    this.#options = options
    this.#speaker = speaker
    this.#random = new Random(options.seed ?? Math.floor(Math.random() * 2 ** 32))
    this.#penalties = new Penalties(options, prompt)
    this.#stop = new StopText(options.stop)
  }

  /** Chooses the next token by its logits, (V), which are left as they are. */
  next(logits: Float32Array): Step {
    const { stops, tokenizer, constraint } = this.#speaker
    // What the model predicts for ids beyond the tokenizer's is padding.
    const known = logits.subarray(0, tokenizer.size)
    const token = sample(this.#adjusted(known), this.#options, this.#random)
    this.#tokens += 1
    this.#penalties.count(token)
    constraint?.accept(token)
    const events: ReplyEvent[] = []
    if (!stops.has(token)) this.#tell(events, this.#push(token, known))
    const stopped = stops.has(token) || this.#stop.stopped || constraint?.finished
    if (!stopped && this.#tokens < this.#options.maxTokens) return { token, events }

    // Bytes of a character that never ended are dropped: a client never sees half of one.
    this.#tell(events, this.#stop.end(), true)
    events.push({ type: 'end', finishReason: stopped ? 'stop' : 'length', completionTokens: this.#tokens })
    return { events }
  }

  /** The logits to sample by. */
  #adjusted(logits: Float32Array): Float32Array {
    const { constraint, tokenizer } = this.#speaker
    if (this.#penalties.none && tokenizer.unused.length === 0 && !constraint) return logits
    const adjusted = roomFor(logits.length)
    adjusted.set(logits)
    this.#penalties.apply(adjusted)
    for (const id of tokenizer.unused) adjusted[id] = Number.NEGATIVE_INFINITY
    constraint?.mask(adjusted)
    return adjusted
  }

  /** The text that is certain now that this token has come. */
  #push(token: number, logits: Float32Array): string {
    const text = this.#speaker.text.push(token)
    const { logprobs } = this.#options
    if (logprobs !== undefined) {
      const { tokenizer } = this.#speaker
      this.#logprobs.push({ ...logprobOf(logits, token, logprobs, (id) => tokenizer.written(id)), text })
    }
    return this.#stop.push(text)
  }

  #tell(events: ReplyEvent[], text: string, last = false): void {
    if (this.#options.logprobs === undefined) {
      if (text) events.push({ type: 'delta', text })
      return
    }
    const logprobs = this.#logprobs.release(text)
    if (last) logprobs.push(...(this.#stop.stopped ? this.#logprobs.end() : this.#logprobs.rest()))
    if (text || logprobs.length > 0) events.push({ type: 'delta', text, logprobs })
  }
}
