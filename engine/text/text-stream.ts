/** Turns token ids into text as they come: whole characters only, also where one spans several tokens. */
export class TextStream {
  readonly #bytesOf: (id: number) => Uint8Array
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true }) // a BOM in the text is text
  #spaces: number

  /** `leadingSpaces`: how many spaces at the start of the text are not the text's own. */
  constructor(bytesOf: (id: number) => Uint8Array, leadingSpaces: number) {
    this.#bytesOf = bytesOf
    this.#spaces = leadingSpaces
  }

  /** The characters that this token completes; '' while one is still open. */
  push(id: number): string {
    return this.#strip(this.#decoder.decode(this.#bytesOf(id), { stream: true }))
  }

  /** What is left at the end: U+FFFD for a character whose last bytes never came. */
  end(): string {
    return this.#strip(this.#decoder.decode())
  }

  #strip(text: string): string {
    if (this.#spaces === 0 || text === '') return text
    const spaces = Math.min(this.#spaces, text.length - text.replace(/^ +/, '').length)
    this.#spaces = spaces === text.length ? this.#spaces - spaces : 0
    return text.slice(spaces)
  }
}
