import { Random } from '../random.ts'
import { StopText } from '../text/stop-text.ts'
import type { TextStream } from '../text/text-stream.ts'
import { type Sampling, sample } from './sampling.ts'

export type ReplyOptions = Sampling & {
  /** Tokens, at most; 1 or more. */
  maxTokens: number
  /** Random when absent. */
  seed?: number
  /** Texts that end the reply; they are not part of it. */
  stop: readonly string[]
}

/** What a reply needs to know of its model. */
export type Speaker = {
  /** Ids from here on pad the embeddings and are never sampled. */
  vocabulary: number
  /** Ids that end a reply. */
  stops: ReadonlySet<number>
  text: Pick<TextStream, 'push'>
}

export type ReplyEvent =
  /** Whole characters only. */
  { type: 'delta'; text: string } | { type: 'end'; finishReason: 'stop' | 'length'; completionTokens: number }

/** `token` is to be read next; without one the reply is over, and the last of the `events` is its end. */
export type Step = { token?: number; events: ReplyEvent[] }

/** One reply as it comes about: what follows from logits, wherever they come from. */
export class Reply {
  readonly #options: ReplyOptions
  readonly #speaker: Speaker
  readonly #random: Random
  readonly #stop: StopText
  #tokens = 0

  constructor(options: ReplyOptions, speaker: Speaker) {
    this.#options = options
    this.#speaker = speaker
    this.#random = new Random(options.seed ?? Math.floor(Math.random() * 2 ** 32))
    this.#stop = new StopText(options.stop)
  }

  /** Chooses the next token by its logits, (V). */
  next(logits: Float32Array): Step {
    const { vocabulary, stops, text } = this.#speaker
    const token = sample(logits.subarray(0, vocabulary), this.#options, this.#random)
    this.#tokens += 1
    const events: ReplyEvent[] = []
    const tell = (text: string) => {
      if (text) events.push({ type: 'delta', text })
    }
    const isStop = stops.has(token)
    if (!isStop) tell(this.#stop.push(text.push(token)))
    const stopped = isStop || this.#stop.stopped
    if (!stopped && this.#tokens < this.#options.maxTokens) return { token, events }

    // Bytes of a character that never ended are dropped: a client never sees half of one.
    tell(this.#stop.end())
    events.push({ type: 'end', finishReason: stopped ? 'stop' : 'length', completionTokens: this.#tokens })
    return { events }
  }
}
