/** Bytes that are added one after the other; it grows when it has to. */
export class ByteBuffer {
  bytes: Buffer
  length = 0

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size)
  }

  add(bytes: Buffer, from = 0, to = bytes.length): void {
    this.reserve(to - from)
    // Of few bytes a loop is faster than a call; a `subarray` would leave millions of objects behind.
    if (to - from < 24) for (let i = from, at = this.length; i < to; i++) this.bytes[at++] = bytes[i]!
    else bytes.copy(this.bytes, this.length, from, to)
    this.length += to - from
  }

  /** Makes room for so many more. */
  reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * needed)
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  /** All of it; a new one of that size begins. */
  take(size: number): Buffer {
    const taken = this.bytes.subarray(0, this.length)
    this.bytes = Buffer.allocUnsafeSlow(size)
    this.length = 0
    return taken
  }
}
