/** Several LoRAs in one batch: each sequence has its own factors. */
import type { Lora } from '../adapters/lora-files.ts'
import { factorNames } from '../adapters/targets.ts'
import { add, input, matmul, reshape } from '../graph/build.ts'
import { times } from '../graph/dim.ts'
import type { Binding, LinearModule } from '../models/model.ts'
import type { Value } from '../runtime/session.ts'

/** The base with factors at each of these modules for every sequence, or once for all: A (B?, rank, in), B (B?, out, rank). */
export function withLoras(base: Binding, modules: readonly LinearModule[]): Binding {
  if (modules.length === 0) return base
  const names = new Set(modules.map(({ name }) => name))
  return {
    ...base,
    adapt(module, x, y) {
      if (!names.has(module.name)) return y
      const { a, b } = factorNames(module)
      const rank = `rank of ${module.name}`
      const token = reshape(x, ['B', 'T', module.in])
      const down = matmul(token, input(a, ['B?', rank, module.in]), { transB: true }) // (B, T, rank)
      const up = matmul(down, input(b, ['B?', module.out, rank]), { transB: true }) // (B, T, out)
      return add(y, reshape(up, [times('B', 'T'), module.out]))
    },
  }
}

type Feeds = Readonly<Record<string, Value>>

/**
 * The factors that a batch is fed. Those that all of it share are fed as the LoRA has them; others are copied side by
 * side, when the batch changes and not at each of its steps. Nothing here keeps a LoRA in memory.
 */
export class LoraBatch {
  readonly #modules: readonly LinearModule[]
  readonly #shared = new WeakMap<Lora, Feeds>()
  readonly #none: Feeds
  /** The last batch of several, by the numbers of its LoRAs. */
  #mixed: { key: string; feeds: Feeds } = { key: '', feeds: {} }
  readonly #numbers = new WeakMap<Lora, number>()
  #count = 0

  constructor(modules: readonly LinearModule[]) {
    this.#modules = modules
    this.#none = this.#beside([undefined])
  }

  /** What the graph is fed for sequences with these LoRAs. */
  feeds(batch: readonly (Lora | undefined)[]): Feeds {
    const [first] = batch
    if (batch.every((lora) => lora === first)) return first ? this.#own(first) : this.#none
    const key = batch.map((lora) => lora && this.#numberOf(lora)).join()
    if (this.#mixed.key !== key) this.#mixed = { key, feeds: this.#beside(batch) }
    return this.#mixed.feeds
  }

  #own(lora: Lora): Feeds {
    const known = this.#shared.get(lora)
    if (known) return known
    const own = Array.from(lora.parameters, ([name, { data, shape }]) => [
      name,
      { data, shape: [1, ...shape] },
    ])
    const feeds: Feeds = { ...this.#none, ...Object.fromEntries(own) }
    this.#shared.set(lora, feeds)
    return feeds
  }

  #numberOf(lora: Lora): number {
    const number = this.#numbers.get(lora) ?? ++this.#count
    this.#numbers.set(lora, number)
    return number
  }

  /** Factors of a smaller rank than others, or none, are filled up with zeros, which add nothing. */
  #beside(batch: readonly (Lora | undefined)[]): Feeds {
    const feeds: Record<string, Value> = {}
    for (const module of this.#modules) {
      const { a, b } = factorNames(module)
      const own = batch.map((lora) => ({ a: lora?.parameters.get(a), b: lora?.parameters.get(b) }))
      const ranks = own.map(({ a }) => a?.shape[0] ?? 0)
      const rank = Math.max(1, ...ranks)
      const [sizeA, sizeB] = [rank * module.in, rank * module.out]
      const [besideA, besideB] = [sizeA, sizeB].map((size) => new Float32Array(batch.length * size))
      for (const [i, factors] of own.entries()) {
        if (!factors.a || !factors.b) continue
        besideA!.set(factors.a.data, i * sizeA)
        spread(factors.b.data, ranks[i]!, besideB!.subarray(i * sizeB, (i + 1) * sizeB), rank)
      }
      feeds[a] = { data: besideA!, shape: [batch.length, rank, module.in] }
      feeds[b] = { data: besideB!, shape: [batch.length, module.out, rank] }
    }
    return feeds
  }
}

/** Copies rows of `width` numbers into the beginnings of rows of `wide`. */
function spread(from: Float32Array, width: number, into: Float32Array, wide: number): void {
  if (width === wide) into.set(from)
  else
    for (let at = 0, to = 0; at < from.length; at += width, to += wide)
      into.set(from.subarray(at, at + width), to)
}
