const slotLength = 3

/** Which questions a corpus has had, by a fingerprint of each: 16 to 32 bytes a question, however long it is. */
export class Seen {
  /**
   * Open addressing. A slot has the two halves of a fingerprint, and a number that is never 0 where it is taken: side by
   * side, for most of the time goes into waiting for memory.
   */
  #slots = new Uint32Array(1024 * slotLength)
  #count = 0

  /**
   * The number that was given with the same bytes before; undefined: `number`, from 1, is kept now. Of ten million questions
   * two different ones have the same fingerprint of 64 bits with a chance of one in 400,000.
   */
  find(bytes: Uint8Array, from: number, to: number, number: number): number | undefined {
    // Four bytes at a time are multiplied in, and the upper bits, which depend on all of them, stirred into the lower ones.
    let a = 0x811c9dc5 ^ (to - from)
    let b = 0x9e3779b1
    for (let i = from; i < to; ) {
      let word = bytes[i++]!
      for (let shift = 8; shift < 32 && i < to; shift += 8) word |= bytes[i++]! << shift
      a = Math.imul(a ^ word, 0xcc9e2d51)
      a ^= a >>> 16
      b = Math.imul(b ^ word, 0x85ebca6b)
      b ^= b >>> 15
    }
    if (4 * this.#count >= 3 * (this.#slots.length / slotLength)) this.#double()
    const at = this.#find(a >>> 0, b >>> 0)
    const known = this.#slots[at + 2]!
    if (known !== 0) return known
    this.#put(at, a, b, number)
    this.#count += 1
    return undefined
  }

  /** Where the slot of a fingerprint begins. */
  #find(a: number, b: number): number {
    const slots = this.#slots
    const mask = slots.length / slotLength - 1
    let slot = (a ^ (b << 7)) & mask
    for (;;) {
      const at = slotLength * slot
      if (slots[at + 2] === 0 || (slots[at] === a && slots[at + 1] === b)) return at
      slot = (slot + 1) & mask
    }
  }

  #put(at: number, a: number, b: number, number: number): void {
    this.#slots[at] = a
    this.#slots[at + 1] = b
    this.#slots[at + 2] = number
  }

  #double(): void {
    const slots = this.#slots
    this.#slots = new Uint32Array(2 * slots.length)
    for (let at = 0; at < slots.length; at += slotLength) {
      if (slots[at + 2] === 0) continue
      const [a, b] = [slots[at]!, slots[at + 1]!]
      this.#put(this.#find(a, b), a, b, slots[at + 2]!)
    }
  }
}
