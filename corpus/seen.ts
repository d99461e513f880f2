/** Which questions a corpus has had, by a fingerprint of each: 16 to 32 bytes a question, however long it is. */
export class Seen {
  /** Open addressing. A slot has the two halves of a fingerprint, and a number that is never 0 where it is taken. */
  #fingerprints = new Uint32Array(2 * 1024)
  #numbers = new Uint32Array(1024)
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
    if (4 * this.#count >= 3 * this.#numbers.length) this.#double()
    const slot = this.#slotOf(a >>> 0, b >>> 0)
    if (this.#numbers[slot] !== 0) return this.#numbers[slot]
    this.#put(slot, a, b, number)
    this.#count += 1
    return undefined
  }

  #slotOf(a: number, b: number): number {
    const mask = this.#numbers.length - 1
    let slot = (a ^ (b << 7)) & mask
    while (
      this.#numbers[slot] !== 0 &&
      (this.#fingerprints[2 * slot] !== a || this.#fingerprints[2 * slot + 1] !== b)
    )
      slot = (slot + 1) & mask
    return slot
  }

  #put(slot: number, a: number, b: number, number: number): void {
    this.#fingerprints[2 * slot] = a
    this.#fingerprints[2 * slot + 1] = b
    this.#numbers[slot] = number
  }

  #double(): void {
    const [fingerprints, numbers] = [this.#fingerprints, this.#numbers]
    this.#fingerprints = new Uint32Array(2 * fingerprints.length)
    this.#numbers = new Uint32Array(2 * numbers.length)
    for (let i = 0; i < numbers.length; i++) {
      if (numbers[i] === 0) continue
      const [a, b] = [fingerprints[2 * i]!, fingerprints[2 * i + 1]!]
      this.#put(this.#slotOf(a, b), a, b, numbers[i]!)
    }
  }
}
