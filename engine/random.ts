/** Seeded randomness (xoshiro128**, Blackman and Vigna 2018): the same seed gives the same run on any machine. */
export class Random {
  readonly #state: Uint32Array

  constructor(seed: number) {
    // splitmix32 spreads neighbouring seeds over the whole state.
    let s = seed >>> 0
    this.#state = Uint32Array.from({ length: 4 }, () => {
      s = (s + 0x9e3779b9) >>> 0
      const z = Math.imul(s ^ (s >>> 16), 0x21f0aaad)
      const y = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return y ^ (y >>> 15)
    })
  }

  /** In [0, 1). */
  uniform(): number {
    const s = this.#state as unknown as [number, number, number, number]
    const x = Math.imul(s[1], 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result / 2 ** 32
  }

  /** In [0, n), whole. */
  below(n: number): number {
    return Math.floor(this.uniform() * n)
  }

  /** `count` values of N(0, std²), by Box–Muller. */
  normal(count: number, std: number): Float32Array {
    return Float32Array.from({ length: count }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
      return std * radius * Math.cos(2 * Math.PI * this.uniform())
    })
  }

  /** Shuffles in place (Fisher–Yates). */
  shuffle<List extends unknown[] | Uint32Array>(items: List): List {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      ;[items[i], items[j]] = [items[j]!, items[i]!]
    }
    return items
  }

  /** A shuffled copy. */
  shuffled<T>(items: readonly T[]): T[] {
    return this.shuffle([...items])
  }
}
