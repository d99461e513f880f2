/** Seeded dropout inside a graph that is compiled once. */
import type { Dropout } from '../adapters/adapter.ts'
import { add, gather, input, mul, reshape, slice } from '../graph/build.ts'
import { type Dim, times } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import { int64 } from '../models/step.ts'
import { Random } from '../random.ts'
import type { Value } from '../runtime/session.ts'

const span = 2 ** 16

/**
 * The mask of element (i, j) is table[row_i + column_j]: a table of zeros and 1/(1 − rate), with random numbers below
 * 2¹⁶ for every row, and for every column of every place that drops; all drawn anew for each batch. Two elements share a
 * draw with probability 2⁻¹⁷, and nothing as large as the activations is drawn or fed.
 */
export class SeededDropout {
  readonly #rate: number
  readonly #seed: number
  #random: Random
  readonly #table = input('dropout.table', ['D'])
  readonly #columns = input('dropout.columns', ['C'], 'int64')
  #columnCount = 0
  readonly #rows = new Map<Dim, Node>()

  /** @param rate the share of elements that become zero, below 1 */
  constructor(rate: number, seed: number) {
    this.#rate = rate
    this.#seed = seed
    this.#random = new Random(seed)
  }

  /** Draws what follows for one batch of a step, the same whatever was drawn before. */
  begin(step: number, batch: number): void {
    this.#random = new Random(new Random(this.#seed + step).below(2 ** 32) + batch)
  }

  readonly drop: Dropout = (x, width) => {
    const [count] = x.shape as [Dim, Dim]
    const rows = this.#rows.get(count) ?? input(`dropout.rows.${count}`, [count], 'int64')
    this.#rows.set(count, rows)
    const columns = slice(this.#columns, 0, this.#columnCount, width)
    this.#columnCount += width
    const places = add(reshape(rows, [count, 1]), reshape(columns, [1, width]))
    return mul(x, reshape(gather(this.#table, reshape(places, [times(count, width)])), x.shape))
  }

  /** The next batch's draws. `sizes` are those of the axes along which rows are dropped. */
  feeds(sizes: Readonly<Record<Dim, number>>): Record<string, Value> {
    if (this.#columnCount === 0) return {}
    const indices = (count: number) =>
      int64(
        Array.from({ length: count }, () => this.#random.below(span)),
        [count],
      )
    const table = Float32Array.from({ length: 2 * span }, () =>
      this.#random.uniform() < this.#rate ? 0 : 1 / (1 - this.#rate),
    )
    const rows = [...this.#rows.keys()].map((dim) => [`dropout.rows.${dim}`, indices(sizes[dim]!)] as const)
    return {
      'dropout.table': { data: table, shape: [2 * span] },
      'dropout.columns': indices(this.#columnCount),
      ...Object.fromEntries(rows),
    }
  }
}
