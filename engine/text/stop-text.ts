/** Passes text on until one of the stop texts appears; what may yet become one is held back. */
export class StopText {
  readonly #stops: readonly string[]
  #held = ''
  stopped = false

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
  }

  /** The text that is certain not to belong to a stop text. After one was met, nothing more comes. */
  push(text: string): string {
    if (this.stopped) return ''
    this.#held += text
    const met = this.#stops.map((stop) => this.#held.indexOf(stop)).filter((at) => at >= 0)
    if (met.length > 0) {
      this.stopped = true
      return this.#release(Math.min(...met))
    }
    return this.#release(this.#held.length - this.#openLength())
  }

  /** What was held back in vain. */
  end(): string {
    return this.stopped ? '' : this.#release(this.#held.length)
  }

  #release(length: number): string {
    const out = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    return out
  }

  /** Length of the longest end of the held text that begins a stop text. */
  #openLength(): number {
    const lengths = this.#stops.map((stop) => {
      for (let n = Math.min(stop.length - 1, this.#held.length); n > 0; n--)
        if (stop.startsWith(this.#held.slice(-n))) return n
      return 0
    })
    return Math.max(0, ...lengths)
  }
}
