/** Continuous batching: texts of one base join and leave between any two steps. */
import type { Lora } from '../adapters/lora-files.ts'
import type { StoredAdapter } from '../adapters/peft.ts'
import { InputError } from '../errors.ts'
import type { LinearModule, Model } from '../models/model.ts'
import { linearModules } from '../models/weight-shapes.ts'
import type { Budget, Sharer } from './budget.ts'
import { Chunks } from './chunks.ts'
import { type Decoder, type DecoderOptions, isNumbers, pieceLength, scoredLength } from './decoder.ts'
import { chunkRows } from './graph.ts'
import { PromptCache } from './prompt-cache.ts'
import { Seat } from './seat.ts'

export type Limits = {
  /** The memory for keys and values. */
  budget: Budget
  /** Texts that may wait for their turn. */
  waiting: number
  /** Tokens of a prompt that are read between two steps of those who write. */
  piece?: number
}

/** Texts that write at the same time, at most: the logits of 64 × 256,000 tokens are 64 MB. */
const most = 64

/** Compiles the base. */
export type Opener = (options: Pick<DecoderOptions, 'modules' | 'chunks'>) => Promise<Decoder>

/** The place of one request; disposing of it gives it back. */
interface Reader extends Disposable {
  /** Reads the next tokens and answers with the logits of what comes next. @param score is told those behind each token */
  read(tokens: readonly number[], score?: (logits: Float32Array) => void): Promise<Float32Array>
  /** How many of the first tokens had been read for others. */
  readonly cachedTokens: number
}

export class Scheduler {
  readonly #model: Model
  readonly #open: Opener
  readonly #limits: Limits
  readonly #chunks: Chunks
  readonly #prompts: PromptCache
  /** Its part of the budget. */
  readonly #share: Sharer
  /** Chunks that the step which is computed will begin. */
  #promised = 0
  #decoder: Decoder | undefined
  /** Modules that the decoder's LoRAs may adapt. */
  readonly #adaptable = new Set<string>()
  /** Those that want to read and have no place yet, the next one first. */
  readonly #waiting: Seat[] = []
  /** The one whose prompt is being read. */
  #reading: Seat | undefined
  /** Those whose prompt is read, the oldest first. */
  readonly #writing = new Set<Seat>()
  #seats = 0
  #running = false
  /** Something has changed since the last look. */
  #woken = false
  /** While a step is computed, what it reads must stay where it is: this is done behind it. */
  #afterwards: (() => void)[] | undefined

  constructor(model: Model, open: Opener, limits: Limits) {
    this.#model = model
    this.#open = open
    this.#limits = limits
    this.#chunks = new Chunks(model)
    this.#prompts = new PromptCache(this.#chunks)
    const taken = () => (this.#chunks.count + this.#promised) * this.#chunks.bytes
    this.#share = {
      get bytes() {
        return taken()
      },
      evict: (enough) => this.#prompts.evict(enough),
      wake: () => this.#wake(),
    }
    limits.budget.join(this.#share)
  }

  /** Compiles the base, for whoever comes. */
  async warm(): Promise<void> {
    this.#decoder ??= await this.#open({ chunks: this.#chunks })
  }

  /** The longest text, with its prefix, that the cache can hold. */
  rows(adapter: StoredAdapter): number {
    const prefix = Math.ceil((adapter.prefix?.tokens ?? 0) / chunkRows)
    return (this.#most - prefix) * chunkRows
  }

  get queued(): number {
    return this.#waiting.length
  }

  get running(): number {
    return this.#writing.size + (this.#reading ? 1 : 0)
  }

  get cacheChunks(): { used: number; total: number } {
    return { used: this.#chunks.count, total: this.#most }
  }

  get #most(): number {
    return Math.floor(this.#limits.budget.bytes / this.#chunks.bytes)
  }

  /**
   * A place for a text behind an adapter; what is read of it is kept for texts of the same tenant.
   * @throws InputError with code `overloaded` when too many wait
   */
  enter(adapter: StoredAdapter, signal?: AbortSignal, tenant = ''): Reader {
    const waiting = this.#seats - this.#writing.size
    if (waiting > this.#limits.waiting)
      throw new InputError('overloaded', `${this.#limits.waiting} requests wait already; try again later`)
    const seat = new Seat(
      adapter,
      tenant,
      this.#model.positionRule === 'from_zero' ? (adapter.prefix?.tokens ?? 0) : 0,
    )
    this.#seats += 1
    const leave = (reason: unknown) => {
      if (!open) return
      open = false
      signal?.removeEventListener('abort', abort)
      this.#seats -= 1
      this.#remove(seat, reason)
    }
    const abort = () => leave(signal!.reason)
    let open = true
    signal?.addEventListener('abort', abort)
    return {
      read: (tokens, score) =>
        new Promise((resolve, reject) => {
          signal?.throwIfAborted()
          seat.tokens.push(...tokens)
          seat.wish = { resolve, reject, score }
          if (!this.#writing.has(seat) && this.#reading !== seat) this.#waiting.push(seat)
          this.#wake()
        }),
      get cachedTokens() {
        return seat.cachedTokens ?? 0
      },
      [Symbol.dispose]: () => leave(new Error('its place was given back')),
    }
  }

  #remove(seat: Seat, reason: unknown): void {
    const at = this.#waiting.indexOf(seat)
    if (at >= 0) this.#waiting.splice(at, 1)
    seat.wish?.reject(reason)
    seat.wish = undefined
    if (this.#afterwards) this.#afterwards.push(() => this.#vacate(seat))
    else this.#vacate(seat)
    this.#wake()
  }

  /** Takes a text out of what is read and written; what it read stays for others as long as there is room. */
  #vacate(seat: Seat): void {
    if (this.#reading === seat) this.#reading = undefined
    this.#writing.delete(seat)
    this.#prompts.add(seat, seat.tokens, seat.sequence.chunks)
    this.#chunks.leave(seat.sequence)
    this.#limits.budget.freed()
  }

  #wake(): void {
    this.#woken = true
    if (this.#running) return
    this.#running = true
    setImmediate(() => this.#run())
  }

  async #run(): Promise<void> {
    try {
      while (this.#woken) {
        this.#woken = false
        // Between two steps whoever got its logits asks for the next ones, and whoever leaves does so.
        while (await this.#turn()) await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      for (const seat of [...this.#waiting, this.#reading, ...this.#writing])
        if (seat) this.#remove(seat, error)
    } finally {
      this.#running = false
    }
  }

  /** A piece of a prompt, and a token for each who writes; whether there was anything to do. */
  async #turn(): Promise<boolean> {
    if (!this.#reading) await this.#admit()
    const read = this.#reading
    if (read) await this.#read(read)
    const ready = [...this.#writing].filter(({ wish }) => wish)
    if (ready.length > 0) await this.#write(ready)
    return read !== undefined || ready.length > 0
  }

  /** Lets the next one in, if there is room for what it has to read. */
  async #admit(): Promise<void> {
    const [seat] = this.#waiting
    const { budget } = this.#limits
    if (!seat || this.#writing.size >= most) return budget.leave(this.#share)
    const { adapter, tokens, sequence } = seat
    const prefix = Math.ceil((adapter.prefix?.tokens ?? 0) / chunkRows)
    const chunks = prefix + Math.ceil((tokens.length + 1) / chunkRows)
    if (!budget.admit(this.#share, chunks * this.#chunks.bytes)) return
    if (adapter.lora) await this.#adapt(adapter.lora)
    if (this.#waiting[0] !== seat) return // it left meanwhile
    this.#waiting.shift()
    this.#reading = seat
    const known = seat.wish!.score ? [] : tokens.slice(0, -1)
    for (const chunk of this.#prompts.find(seat, known)) this.#chunks.join(sequence, chunk)
    seat.cachedTokens ??= seat.read // what it reads again after it gave way, it has read itself
  }

  /** Compiles the base anew where a LoRA adapts what none before it did. There is one copy of the weights at any time. */
  async #adapt(lora: Lora): Promise<void> {
    const { size } = this.#adaptable
    for (const { module } of lora.targets) this.#adaptable.add(module.name)
    if (this.#decoder && this.#adaptable.size === size) return
    await this.#decoder?.[Symbol.asyncDispose]()
    this.#decoder = undefined
    const modules: LinearModule[] = linearModules(this.#model).filter(({ name }) => this.#adaptable.has(name))
    this.#decoder = await this.#open({ modules, chunks: this.#chunks })
  }

  async #read(seat: Seat): Promise<void> {
    const { sequence, wish } = seat
    const [first, every] = [seat.read, wish?.score !== undefined]
    const tokens = seat.tokens.slice(
      first,
      first + (every ? scoredLength : (this.#limits.piece ?? pieceLength)),
    )
    if (!this.#reserve(seat, tokens.length)) return
    const hand = await this.#step([{ seat, tokens }], every)
    if (this.#reading === seat && seat.read === seat.tokens.length) {
      this.#reading = undefined
      this.#prompts.add(seat, seat.tokens, sequence.chunks)
      this.#chunks.write(sequence)
      this.#writing.add(seat)
    }
    hand()
  }

  async #write(ready: readonly Seat[]): Promise<void> {
    const seats = ready.filter((seat) => this.#writing.has(seat) && this.#reserve(seat, 1))
    const still = seats.filter((seat) => this.#writing.has(seat)) // one that came later may have had to give way
    if (still.length === 0) return
    const hand = await this.#step(still.map((seat) => ({ seat, tokens: [seat.tokens[seat.read]!] })))
    hand()
  }

  /** Makes room for more rows of a text; where there is none, those that came last give way, and read theirs again later. */
  #reserve(seat: Seat, rows: number): boolean {
    const chunks = this.#chunks.wanted(seat.sequence, rows)
    while (!this.#limits.budget.makeRoom(this.#share, chunks * this.#chunks.bytes)) {
      const last = this.#reading ?? [...this.#writing].at(-1)!
      this.#vacate(last)
      if (last.wish) this.#waiting.unshift(last)
      if (last === seat) return false
    }
    this.#promised += chunks
    return true
  }

  /** Computes the next tokens; the function that it answers with hands everyone what came of it. */
  async #step(
    turns: readonly { seat: Seat; tokens: readonly number[] }[],
    every = false,
  ): Promise<() => void> {
    this.#afterwards = [] // before anything is awaited: from here on the texts of the step stay
    const firsts = turns.map(({ seat }) => seat.read)
    const batch = turns.map(({ seat, tokens }) => ({
      sequence: seat.sequence,
      tokens,
      lora: seat.adapter.lora,
    }))
    const computed = this.warm().then(() => this.#decoder!.step(batch, { every }))
    const logits = await computed.finally(() => {
      this.#promised = 0
      const afterwards = this.#afterwards!
      this.#afterwards = undefined
      for (const act of afterwards) act()
    })
    const each = logits.length / turns.length
    return () => {
      for (const [i, { seat }] of turns.entries()) {
        const own = logits.slice(i * each, (i + 1) * each)
        if (own.every(isNumbers)) seat.take(firsts[i]!, own)
        else this.#remove(seat, noNumbers(seat.adapter))
      }
    }
  }
}

/** Who is told why: whoever made the adapter, or else whoever runs the base. */
const noNumbers = ({ prefix, lora }: StoredAdapter): Error =>
  prefix || lora
    ? new InputError(
        'invalid_adapter',
        'the logits that it gives are no numbers; train it again with a lower learning_rate, or import other files',
      )
    : new Error('the logits are no numbers: a weight is too large, or is none itself')
